import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { startLocalServer } from './http-server.ts'

const newUser = z.looseObject({ connection: z.string(), user_id: z.string() })
const changedUser = z.record(z.string(), z.record(z.string(), z.unknown()))
const login = z.object({ client_id: z.string(), client_secret: z.string() })

export type Auth0User = Readonly<Record<string, unknown>>

/** So much of Auth0's Management API v2 as a sink needs. */
export type DemoAuth0 = {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly findUser: (userId: string) => Auth0User | undefined
  /** Down, it hangs up on every caller. */
  readonly setDown: (isDown: boolean) => void
  readonly close: () => Promise<void>
}

type Answer = { readonly status: number; readonly body: Auth0User }

const CLIENT_ID = 'registrar-demo'
const STRATEGY = 'ad'
const TOKEN_SECONDS = 86_400
const USERS = '/api/v2/users'

/** Starts a tenant without users. */
export async function startDemoAuth0(): Promise<DemoAuth0> {
  const users = new Map<string, Auth0User>()
  const clientSecret = randomBytes(24).toString('base64url')
  const token = randomBytes(24).toString('base64url')
  let isDown = false
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const body = request.method === 'GET' ? undefined : await json(request)
    if (request.url === '/oauth/token') return giveToken(body, { clientSecret, token })
    if (request.headers.authorization !== `Bearer ${token}`) return refuse(401)
    return work(users, request, body)
  }
  const server = await startLocalServer((request, response) => {
    if (isDown) response.destroy()
    else void reply(response, answer(request))
  })
  return {
    url: server.url,
    clientId: CLIENT_ID,
    clientSecret,
    findUser: (userId) => users.get(userId),
    setDown: (next) => void (isDown = next),
    close: server.close,
  }
}

async function reply(response: ServerResponse, answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer.catch(() => refuse(400))
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

function giveToken(
  body: unknown,
  { clientSecret, token }: { readonly clientSecret: string; readonly token: string },
): Answer {
  const client = login.parse(body)
  const isKnown = client.client_id === CLIENT_ID && client.client_secret === clientSecret
  if (!isKnown) return refuse(401)
  return { status: 200, body: { access_token: token, expires_in: TOKEN_SECONDS } }
}

function work(
  users: Map<string, Auth0User>,
  { method, url = '' }: IncomingMessage,
  body: unknown,
): Answer {
  if (method === 'POST' && url === USERS) {
    const { user_id: id, ...user } = newUser.parse(body)
    const made = { ...user, user_id: `${STRATEGY}|${id}` }
    users.set(made.user_id, made)
    return { status: 201, body: made }
  }
  const id = decodeURIComponent(url.slice(USERS.length + 1))
  const user = users.get(id)
  if (!user) return refuse(404)
  if (method === 'PATCH') users.set(id, merge(user, changedUser.parse(body)))
  return { status: 200, body: users.get(id) ?? user }
}

// Metadata is merged at its first level, as the real one does.
function merge(user: Auth0User, changes: z.output<typeof changedUser>): Auth0User {
  const merged = Object.entries(changes).map(([name, metadata]) => [
    name,
    { ...(user[name] as Auth0User | undefined), ...metadata }, // metadata is an object or absent
  ])
  return { ...user, ...Object.fromEntries(merged) }
}

function refuse(status: number): Answer {
  return { status, body: { statusCode: status } }
}
