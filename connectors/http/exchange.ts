import { once } from 'node:events'
import {
  request as requestPlain,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { request as requestTls } from 'node:https'
import { AppError } from '../../core/errors.ts'
import type { Agents } from './agents.ts'
import { isStale, toCallError } from './failures.ts'
import { hostOf } from './target.ts'

export type HttpRequest = {
  readonly url: string
  /** GET unless said. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** An operator's own setting names the address, so that it may be a private one. */
  readonly isTrusted?: boolean
  /**
   * Is sent again at once when a kept connection turns out to have been closed; true for GET, PUT
   * and DELETE unless said.
   */
  readonly isRepeatable?: boolean
  /** From the start to the last byte of the answer; 15 s unless said. */
  readonly timeoutMs?: number
  /** For name, connection and TLS; 5 s unless said. */
  readonly connectTimeoutMs?: number
  /** Of the answer's body; 1 MiB unless said. */
  readonly maxBytes?: number
  /** Only the status counts: none of the body comes back, and one that is too large or cut off does not fail. */
  readonly ignoresBody?: boolean
  readonly signal?: AbortSignal
}

export type HttpAnswer = {
  /** Of any kind: redirects are not followed. */
  readonly status: number
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

type Stop = { readonly signal: AbortSignal; readonly abort: (reason: AppError) => void }

const TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 5_000
const MAX_BYTES = 1024 * 1024
const MAX_TRIES = 3
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE'])

/** Sends one request and reads its answer, within its times and sizes. */
export async function exchange(
  url: URL,
  request: HttpRequest,
  agents: Agents,
): Promise<HttpAnswer> {
  const { timeoutMs = TIMEOUT_MS, signal } = request
  const controller = new AbortController()
  const stop: Stop = { signal: controller.signal, abort: (reason) => controller.abort(reason) }
  const onAbort = (): void => stop.abort(createAborted(url))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => stop.abort(createTimeout(url, timeoutMs)), timeoutMs)
  try {
    return await sendFresh(url, request, { agents, stop })
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : toCallError(error, url)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

type Sending = { readonly agents: Agents; readonly stop: Stop }

async function sendFresh(url: URL, request: HttpRequest, sending: Sending): Promise<HttpAnswer> {
  const { method = 'GET', isRepeatable = REPEATABLE.has(method) } = request
  for (let tries = 1; ; tries += 1) {
    const sent = open(url, request, sending)
    const answer = await awaitAnswer(sent).catch((error: unknown) => {
      if (!isRepeatable || tries === MAX_TRIES || !isStale(sent, error)) throw error
      return undefined
    })
    if (answer) return await read(answer, request)
  }
}

async function awaitAnswer(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(sent, 'response')
  return answer as IncomingMessage // by the event's documentation
}

function open(url: URL, request: HttpRequest, { agents, stop }: Sending): ClientRequest {
  const { method = 'GET', headers, body, connectTimeoutMs = CONNECT_TIMEOUT_MS } = request
  const isTls = url.protocol === 'https:'
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const sent = (isTls ? requestTls : requestPlain)({
    host: hostOf(url),
    port: url.port === '' ? undefined : url.port,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { 'user-agent': 'Registrar', ...length, ...headers },
    agent: isTls ? agents.tls : agents.plain,
    signal: stop.signal,
  })
  // Told once more of what the answer's reader is told of already.
  sent.on('error', () => {})
  sent.once('socket', (socket) => {
    if (sent.reusedSocket) return
    const reason = createTimeout(url, connectTimeoutMs)
    const timer = setTimeout(() => stop.abort(reason), connectTimeoutMs)
    const clear = (): void => clearTimeout(timer)
    socket.once(isTls ? 'secureConnect' : 'connect', clear).once('close', clear)
  })
  sent.end(body)
  return sent
}

async function read(answer: IncomingMessage, request: HttpRequest): Promise<HttpAnswer> {
  const { statusCode = 0, headers } = answer
  const { maxBytes = MAX_BYTES, ignoresBody = false } = request
  const parts: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      sizeBytes += part.length
      if (sizeBytes > maxBytes) throw createTooLarge(maxBytes)
      if (!ignoresBody) parts.push(part)
    }
  } catch (error) {
    if (!ignoresBody) throw error
  }
  return { status: statusCode, headers, body: Buffer.concat(parts) }
}

function createTimeout(url: URL, timeoutMs: number): AppError {
  return new AppError(
    'target_timeout',
    `Cannot wait for "${url.host}" any longer: it took more than ${timeoutMs} ms`,
    { status: 504 },
  )
}

function createAborted(url: URL): AppError {
  const message = `Cannot go on with the call of "${url.host}": nobody waits for it any more`
  return new AppError('call_aborted', message, { status: 503 })
}

function createTooLarge(maxBytes: number): AppError {
  const message = `Cannot read the answer: it has more than ${maxBytes} bytes`
  return new AppError('answer_too_large', message, { status: 502 })
}
