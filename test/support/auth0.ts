import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { json } from 'node:stream/consumers'

type Json = Record<string, unknown>

/** How one call is answered instead of rightly. */
export type Misbehaviour =
  | {
      readonly status: number
      readonly headers?: Record<string, string>
      readonly html?: boolean
      /** The body; one that says nothing unless given. */
      readonly text?: string
    }
  | 'hangs-up'
  | 'hangs-up-after-commit'

/** A small Management API v2 with the traps of the real one, and more on demand. */
export class TestAuth0 {
  readonly users = new Map<string, Json>()
  /** Answers of the next calls of `/api/v2`, one after the other. */
  readonly misbehaviours: Misbehaviour[] = []
  /** `METHOD path` of every call of `/api/v2`. */
  readonly calls: string[] = []
  /** What was written, in order: the user's id and the members that were sent. */
  readonly writes: { readonly userId: string; readonly body: Json }[] = []
  /** How the next PATCH is answered. */
  answersPatch: Misbehaviour | undefined
  tokens = 0
  tokenLifeSeconds = 86_400
  latencyMs = 0
  /** Negative: the list says that there are so many more than it has. */
  hiddenUsers = 0
  /** Whether lists of users say how many there are. */
  saysTotals = true
  readonly #server: Server
  #validToken = ''

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<TestAuth0> {
    const server = createServer()
    const auth0 = new TestAuth0(server)
    server.on('request', (request, response) => {
      void auth0.#answer(request, response)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return auth0
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo // it listens on TCP
    return `http://127.0.0.1:${port}`
  }

  /** Tokens that were given out are no longer accepted. */
  revokeTokens(): void {
    this.#validToken = 'none'
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '' } = request
    const body = method === 'GET' ? undefined : ((await json(request)) as Json)
    if (this.latencyMs > 0) await delay(this.latencyMs)
    if (url === '/oauth/token') {
      this.#giveToken(response, body)
      return
    }
    this.calls.push(`${method} ${url}`)
    const misbehaviour = this.#takeMisbehaviour(method)
    if (misbehaviour === 'hangs-up') {
      response.destroy()
      return
    }
    if (typeof misbehaviour === 'object') {
      const type = misbehaviour.html ? 'text/html' : 'application/json'
      response.writeHead(misbehaviour.status, { 'content-type': type, ...misbehaviour.headers })
      const text = misbehaviour.html ? '<html>Oops</html>' : '{"error":"on purpose"}'
      response.end(misbehaviour.text ?? text)
      return
    }
    if (request.headers.authorization !== `Bearer ${this.#validToken}`) {
      send(response, 401, { error: 'Unauthorized' })
      return
    }
    const [status, answer] = this.#work(method, url, body)
    if (misbehaviour === 'hangs-up-after-commit') response.destroy()
    else send(response, status, answer)
  }

  #takeMisbehaviour(method: string): Misbehaviour | undefined {
    if (method !== 'PATCH' || !this.answersPatch) return this.misbehaviours.shift()
    const misbehaviour = this.answersPatch
    this.answersPatch = undefined
    return misbehaviour
  }

  #giveToken(response: ServerResponse, body: Json | undefined): void {
    if (body?.['client_secret'] !== 'right-secret') {
      send(response, 401, { error: 'access_denied' })
      return
    }
    this.tokens += 1
    this.#validToken = `token-${this.tokens}`
    send(response, 200, { access_token: this.#validToken, expires_in: this.tokenLifeSeconds })
  }

  #work(method: string, url: string, body: Json | undefined): [number, Json | Json[]] {
    if (method === 'POST' && url === '/api/v2/users') {
      const id = `${String(body?.['connection'])}|${String(body?.['user_id'])}`
      this.users.set(id, { ...body, user_id: id })
      this.writes.push({ userId: id, body: body ?? {} })
      return [201, this.users.get(id) ?? {}]
    }
    if (url.startsWith('/api/v2/users?')) return this.#list(new URL(url, 'http://auth0'))
    const id = decodeURIComponent(url.replace('/api/v2/users/', ''))
    const user = this.users.get(id)
    if (!user) return [404, { statusCode: 404, error: 'Not Found' }]
    if (method === 'PATCH') {
      this.writes.push({ userId: id, body: body ?? {} })
      // Metadata is merged at its first level, as the real one does.
      for (const [name, value] of Object.entries(body ?? {})) {
        user[name] = { ...(user[name] as Json | undefined), ...(value as Json) }
      }
    }
    return [200, user]
  }

  // As the real one: a search lists its first 1,000 users and no more.
  #list({ searchParams }: URL): [number, Json | Json[]] {
    const query = searchParams.get('q') ?? ''
    const [perPage, page] = [Number(searchParams.get('per_page')), Number(searchParams.get('page'))]
    if ((page + 1) * perPage > 1_000) return [400, { error: 'Bad Request' }]
    const found = [...this.users.values()]
      .filter((user) => matchesQuery(user, query))
      .toSorted((one, other) => (String(one['created_at']) < String(other['created_at']) ? -1 : 1))
    const users = found.slice(page * perPage, (page + 1) * perPage)
    if (!this.saysTotals) return [200, users]
    return [200, { users, total: found.length - this.hiddenUsers, start: page * perPage }]
  }
}

function matchesQuery(user: Json, query: string): boolean {
  return query.split(' AND ').every((term) => {
    const [, connection] = /^identities\.connection:"(.+)"$/.exec(term) ?? []
    const identities = user['identities'] as { connection: string }[] // every test gives some
    if (connection !== undefined) return identities.some((one) => one.connection === connection)
    const [, name = '', from = ''] = /^(\w+):\["(.+)" TO \*\]$/.exec(term) ?? []
    return String(user[name]) >= from
  })
}

function send(response: ServerResponse, status: number, body: Json | Json[]): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
