import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { startLocalServer } from '../../cli/demo/stand-ins/http-server.ts'
import { startDemoScim, type DemoScim } from '../../cli/demo/stand-ins/scim.ts'

/** How one call is answered instead of rightly. */
export type ScimMisbehaviour =
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly type?: string
      readonly body?: unknown
    }
  /** What the server answers, changed. */
  | { readonly edit: (body: Record<string, unknown>) => unknown }
  | 'hangs'
  | 'hangs-after-commit'
  | 'hangs-up'
  | 'hangs-up-after-commit'

export type ScimCall = {
  readonly method: string
  /** Below the base URL. */
  readonly path: string
  readonly body: Record<string, unknown> | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly atMs: number
}

/** The stand-in behind somebody who answers instead of it where a test says so. */
export type MisbehavingScim = {
  readonly url: string
  readonly token: string
  readonly scim: DemoScim
  readonly calls: ScimCall[]
  /** How a call is answered; undefined: rightly. */
  behave: (call: ScimCall) => ScimMisbehaviour | undefined
  /** The most calls that were under way at once. */
  most: number
  readonly close: () => Promise<void>
}

/** Starts both. */
export async function startMisbehavingScim(): Promise<MisbehavingScim> {
  const scim = await startDemoScim()
  const base = new URL(scim.url)
  let underWay = 0
  const server = await startLocalServer((request, response) => {
    underWay += 1
    own.most = Math.max(own.most, underWay)
    response.on('close', () => (underWay -= 1))
    void (async () => {
      const { method = 'GET', url = '', headers } = request
      const content = await text(request)
      const path = url.slice(base.pathname.length)
      const body = content === '' ? undefined : (JSON.parse(content) as ScimCall['body'])
      const call = { method, path, body, headers, atMs: performance.now() }
      own.calls.push(call)
      const misbehaviour = own.behave(call)
      if (typeof misbehaviour === 'object' && 'status' in misbehaviour) {
        send(response, misbehaviour)
        return
      }
      if (misbehaviour === 'hangs') return
      if (misbehaviour === 'hangs-up') return void response.destroy()
      const answer = await fetch(`${scim.url}${path}`, {
        method,
        headers: { authorization: headers.authorization ?? '' },
        ...(content === '' ? {} : { body: content }),
      }).catch(() => undefined)
      // The test has ended.
      if (!answer) return void response.destroy()
      const answered = await answer.text()
      if (misbehaviour === 'hangs-after-commit') return
      if (misbehaviour === 'hangs-up-after-commit') return void response.destroy()
      const isJson = misbehaviour && answered !== ''
      const edited = isJson
        ? JSON.stringify(misbehaviour.edit(JSON.parse(answered) as Record<string, unknown>))
        : answered
      response.writeHead(answer.status, { 'content-type': 'application/scim+json' })
      response.end(edited)
    })()
  })
  const own: MisbehavingScim = {
    url: `${server.url}${base.pathname}`,
    token: scim.token,
    scim,
    calls: [],
    behave: () => undefined,
    most: 0,
    async close() {
      await server.close()
      await scim.close()
    },
  }
  return own
}

/** Answers the first calls of a kind like this, the others rightly. */
export function misbehaveFirst(
  server: MisbehavingScim,
  count: number,
  {
    which,
    misbehaviour,
  }: {
    readonly which: (call: ScimCall) => boolean
    readonly misbehaviour: ScimMisbehaviour
  },
): void {
  let left = count
  server.behave = (call) => {
    if (left === 0 || !which(call)) return undefined
    left -= 1
    return misbehaviour
  }
}

/** From now on it says that it can't do these: `bulk`, `patch`, `filter`. */
export function takeAway(server: MisbehavingScim, ...features: readonly string[]): void {
  const { behave } = server
  const none = Object.fromEntries(features.map((feature) => [feature, { supported: false }]))
  server.behave = (call) => {
    if (call.path !== '/ServiceProviderConfig') return behave(call)
    return { edit: (body) => ({ ...body, ...none }) }
  }
}

function send(
  response: ServerResponse,
  {
    status,
    headers,
    type = 'application/scim+json',
    body,
  }: Extract<ScimMisbehaviour, { readonly status: number }>,
): void {
  response.writeHead(status, { 'content-type': type, ...headers })
  response.end(typeof body === 'string' ? body : body && JSON.stringify(body))
}
