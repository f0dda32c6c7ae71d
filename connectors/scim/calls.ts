import { AppError } from '../../core/errors.ts'
import type { HttpClient } from '../http/client.ts'
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts'
import type { Pacer } from './pacer.ts'
import { wait } from './waiting.ts'

/** What all calls for one record share. */
export type ScimContext = {
  readonly signal: AbortSignal
  /** Counts what is sent, apart from what the target asked to send later. */
  readonly tries: Tries
}

export type ScimRequest = ScimContext & {
  readonly method: NonNullable<HttpRequest['method']>
  /** Below the target's base URL. */
  readonly path: string
  /** JSON, as a value or as it is sent. */
  readonly body?: object | string
  /** The version that is written over (RFC 7644 §3.14). */
  readonly ifMatch?: string | undefined
  readonly timeoutMs?: number
}

export type Tries = {
  /** Of writes. */
  count: number
  /** Of the last answer that was a server's failure. */
  lostStatus?: number
}

export type ScimAnswer = {
  readonly status: number
  /** Undefined when the body is no JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  /** RFC 7644 §3.12. */
  readonly scimType: string | undefined
  readonly etag: string | undefined
  readonly location: string | undefined
}

export type ScimCalls = {
  /**
   * Sends once. Undefined when it is not known whether the target has done it: the connection broke,
   * no answer came in time, or it said 5xx. Throws `target_unauthorized` and `call_aborted`.
   */
  readonly once: (request: ScimRequest) => Promise<ScimAnswer | undefined>
  /**
   * Sends what may be sent again, `maxAttempts` times at most. Throws as `once` does, `no_answer` or
   * `http_5…` when this call gets nothing better, and `target_unreachable` when no other does either.
   */
  readonly send: (request: ScimRequest) => Promise<ScimAnswer>
  /** Waits before the try after `attempt`; throws as `send` does when that was the last. */
  readonly backOff: (attempt: number, context: ScimContext) => Promise<void>
}

export type ScimCallsOptions = {
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly token: string
  readonly http: HttpClient
  readonly pacer: Pacer
  readonly maxAttempts: number
  readonly concurrency: number
  readonly timeoutMs: number
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i
const RECORD_CODE = /^(?:http_5\d\d|no_answer|invalid_answer)$/
const SCIM_TYPE = /^[A-Za-z]{1,40}$/
const MAX_BYTES = 64 * 1024 * 1024
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 5_000
// Records in a row that a target may fail, and write none, before it counts as down.
const MAX_LOST = 100
const UNANSWERED: ReadonlySet<string> = new Set([
  'target_timeout',
  'target_unreachable',
  'answer_too_large',
])

/** The calls of one target: paced, with its token, tried again where that is safe. */
export function createScimCalls(options: ScimCallsOptions): ScimCalls {
  const { pacer, maxAttempts, concurrency } = options
  let lost = 0
  const once = async (request: ScimRequest): Promise<ScimAnswer | undefined> => {
    if (request.method !== 'GET') request.tries.count += 1
    const http = toHttpRequest(request, options)
    const pass = { signal: request.signal, maxAtOnce: concurrency }
    try {
      const answer = await pacer.pass(async () => await options.http.send(http), pass)
      assertAuthorized(answer)
      if (answer.status < 500 || answer.status === 501) return toScimAnswer(answer)
      request.tries.lostStatus = answer.status
      return undefined
    } catch (error) {
      if (error instanceof AppError && UNANSWERED.has(error.code)) return undefined
      throw error
    }
  }
  const heard = async (request: ScimRequest): Promise<ScimAnswer | undefined> => {
    const answer = await once(request)
    if (answer && request.method !== 'GET') lost = 0
    return answer
  }
  const backOff: ScimCalls['backOff'] = async (attempt, { signal, tries }) => {
    if (attempt < maxAttempts) return await wait(toDelayMs(attempt), signal)
    lost += 1
    if (lost <= MAX_LOST && (await isAlive(once, signal))) throw createLost(tries)
    throw createUnreachable()
  }
  return {
    once: heard,
    backOff,
    async send(request) {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await heard(request)
        if (answer) return answer
        await backOff(attempt, request)
      }
    },
  }
}

/** True for the error of one record's calls, which says nothing of the others. */
export function isRecordError(error: unknown): error is AppError {
  return error instanceof AppError && RECORD_CODE.test(error.code)
}

async function isAlive(once: ScimCalls['once'], signal: AbortSignal): Promise<boolean> {
  const path = '/ServiceProviderConfig'
  const answer = await once({ method: 'GET', path, signal, tries: { count: 0 } })
  return answer !== undefined
}

function toHttpRequest(request: ScimRequest, options: ScimCallsOptions): HttpRequest {
  const { baseUrl, token } = options
  const { method, path, body, ifMatch, signal, timeoutMs = options.timeoutMs } = request
  return {
    url: `${baseUrl}${path}`,
    method,
    signal,
    timeoutMs,
    maxBytes: MAX_BYTES,
    // A change says what is to be afterwards.
    isRepeatable: method !== 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/scim+json, application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  }
}

function toScimAnswer({ status, headers, body }: HttpAnswer): ScimAnswer {
  const json = parseObject(headers['content-type'] ?? '', body)
  const scimType = status >= 400 ? json?.['scimType'] : undefined
  return {
    status,
    json,
    scimType: typeof scimType === 'string' && SCIM_TYPE.test(scimType) ? scimType : undefined,
    etag: headers.etag,
    location: headers.location,
  }
}

function parseObject(type: string, body: Buffer): ScimAnswer['json'] {
  if (body.length === 0 || !JSON_TYPE.test(type)) return undefined
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined // just looked at
  } catch {
    return undefined
  }
}

function toDelayMs(attempt: number): number {
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS)
  return delayMs * (0.5 + Math.random() / 2)
}

/** Throws `target_unauthorized` for a 401 or a 403, with that status. */
export function assertAuthorized({ status }: { readonly status: number }): void {
  if (status !== 401 && status !== 403) return
  throw new AppError(
    'target_unauthorized',
    `Cannot write to the target: it refuses the credentials with ${status}`,
    { status, expose: false },
  )
}

function createLost({ lostStatus }: Tries): AppError {
  const code = lostStatus === undefined ? 'no_answer' : `http_${lostStatus}`
  const reason = lostStatus === undefined ? 'gives no answer' : `answers with ${lostStatus}`
  return new AppError(code, `Cannot write this record: the target ${reason}`, { status: 502 })
}

function createUnreachable(): AppError {
  const message = 'Cannot reach the target: it gives no answer, or only those of a failed server'
  return new AppError('target_unreachable', message, { status: 503 })
}
