import { AppError, isAppError } from '../../core/errors.ts'
import { findRetryAfter } from '../http/answer.ts'
import type { HttpClient } from '../http/client.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { findWindow } from './rate-window.ts'
import { waitFor, type Limiter } from './limiter.ts'

/** Says who asks. */
export type Authorization = {
  /** The headers of one GET. */
  readonly authorize: (
    url: string,
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, string>>>
  /** Forgets the credential that these headers had, so that it is looked up; false where it can't be. */
  readonly renew: (refused: Readonly<Record<string, string>>) => boolean
}

export type RosterCall = {
  /** Asked anew for every attempt. */
  readonly url: () => string
  /** For messages: "read the users". */
  readonly what: string
  readonly signal: AbortSignal
  /** Told of each status that may be tried again; true when `url` asks for less, which is no attempt more. */
  readonly onRetry?: (status: number) => boolean
}

/** GETs of one source, let through by its limiter and tried again as its kind allows. */
export type RosterCaller = {
  /**
   * The answer, of any status that is not tried again. Throws `source_unauthorized` (401),
   * `source_failed` (502), `source_unreachable` (503), `answer_too_large` and `call_aborted`.
   */
  readonly get: (call: RosterCall) => Promise<HttpAnswer>
}

export type RosterCallerOptions = {
  readonly http: HttpClient
  readonly limiter: Limiter
  readonly authorization: Authorization
  /** Statuses that another attempt may mend; 429 is one always, and does not count as an attempt. */
  readonly retried: ReadonlySet<number>
  readonly maxAttempts: number
  /** Before the second attempt; doubled before each further one. */
  readonly retryDelayMs: number
  readonly nowMs: () => number
}

const TIMEOUT_MS = 60_000
const MAX_BYTES = 64 * 1024 * 1024
const MAX_RETRY_DELAY_MS = 30_000
const MAX_RATE_WAIT_MS = 300_000
const FINAL_FAULTS: ReadonlySet<string> = new Set([
  'invalid_target',
  'target_refused',
  'answer_too_large',
  'call_aborted',
])

/** Creates the caller of one source. */
export function createRosterCaller(options: RosterCallerOptions): RosterCaller {
  return { get: async (call) => await run(options, call) }
}

async function run(options: RosterCallerOptions, call: RosterCall): Promise<HttpAnswer> {
  const { maxAttempts, retried, limiter, nowMs } = options
  let hasRenewed = false
  let rateLimits = 0
  for (let attempt = 1; ; attempt += 1) {
    const { answer, headers, cause } = await sendOnce(options, call)
    if (answer && !isTriedAgain(answer.status, retried)) return answer
    const waitMs = answer && findRateWait(answer, { now: nowMs(), rateLimits })
    if (waitMs !== undefined) {
      attempt -= 1
      rateLimits += 1
      limiter.blockUntil(nowMs() + waitMs)
      continue
    }
    if (answer?.status === 401 || answer?.status === 403) {
      if (hasRenewed || answer.status === 403) throwUnauthorized(call, answer.status)
      if (!options.authorization.renew(headers)) throwUnauthorized(call, answer.status)
      hasRenewed = true
      attempt -= 1
      continue
    }
    const asksForLess = answer !== undefined && call.onRetry?.(answer.status) === true
    if (asksForLess) attempt -= 1
    else if (attempt >= maxAttempts) throwGivenUp(call, { answer, cause, attempt })
    await waitFor(
      Math.min(options.retryDelayMs * 2 ** Math.max(attempt - 1, 0), MAX_RETRY_DELAY_MS),
      call.signal,
    )
  }
}

type Sent = {
  readonly answer?: HttpAnswer | undefined
  readonly cause?: unknown
  readonly headers: Readonly<Record<string, string>>
}

async function sendOnce(options: RosterCallerOptions, call: RosterCall): Promise<Sent> {
  await options.limiter.take(call.signal)
  // Only now: signatures and tokens last for minutes.
  const url = call.url()
  const headers = await options.authorization.authorize(url, call.signal)
  try {
    const answer = await options.http.send({
      url,
      headers: { accept: 'application/json', ...headers },
      signal: call.signal,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    })
    const window = findWindow(answer)
    if (window) options.limiter.learn(window)
    return { answer, headers }
  } catch (cause) {
    if (!isAppError(cause) || FINAL_FAULTS.has(cause.code)) throw cause
    return { cause, headers }
  }
}

function isTriedAgain(status: number, retried: ReadonlySet<number>): boolean {
  return status === 401 || status === 403 || status === 429 || retried.has(status)
}

/** How long the source wants to be left alone; undefined where it does not say so. */
function findRateWait(
  answer: HttpAnswer,
  { now, rateLimits }: { readonly now: number; readonly rateLimits: number },
): number | undefined {
  const retryAfter = findRetryAfter(answer, new Date(now))
  if (answer.status !== 429 && (answer.status !== 503 || retryAfter === undefined)) return undefined
  const asked =
    retryAfter === undefined ? (findWindow(answer)?.endMs ?? now) - now : retryAfter * 1_000
  // A clock that is ahead of the server's makes every reset lie in the past.
  const least = Math.min(1_000 * 2 ** rateLimits, 60_000)
  return Math.min(asked > 0 ? asked : least, MAX_RATE_WAIT_MS)
}

function throwUnauthorized({ what }: RosterCall, status: number): never {
  const remedy =
    status === 403 ? 'give them the right to read it at the source' : 'store the ones that hold now'
  throw new AppError(
    'source_unauthorized',
    `Cannot ${what}: the source refuses the credentials with ${status}; ${remedy}`,
    { status: 401, details: { status } },
  )
}

function throwGivenUp(
  { what }: RosterCall,
  { answer, cause, attempt }: Omit<Sent, 'headers'> & { readonly attempt: number },
): never {
  if (answer) {
    throw new AppError(
      'source_failed',
      `Cannot ${what}: the source answered ${answer.status}, ${attempt} attempts were made`,
      { status: 502 },
    )
  }
  throw new AppError(
    'source_unreachable',
    `Cannot ${what}: the source does not answer, ${attempt} attempts were made`,
    { status: 503, cause },
  )
}
