import { AppError } from '../../core/errors.ts'
import type { HttpAnswer } from './exchange.ts'

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i
const TRY_LATER: ReadonlySet<number> = new Set([408, 425, 429, 503])
const MAX_DELAY_SECONDS = 86_400

/**
 * Throws unless the answer is a success: `http_<status>` with the answer's own status for a refusal
 * (4xx), 503 where it asks to be tried later, with its `Retry-After`, and 502 for everything else,
 * redirects too. The body is not quoted: it may repeat what was sent.
 */
export function assertSuccess(answer: HttpAnswer, what: string): void {
  const { status } = answer
  if (status >= 200 && status < 300) return
  const retryAfterSeconds = findRetryAfter(answer, new Date())
  throw new AppError(`http_${status}`, `Cannot ${what}: it was answered with ${status}`, {
    status: toOwnStatus(status),
    expose: false,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

/** The JSON that an answer holds; throws `invalid_answer` (502) when it is none, or says so. */
export function parseJson(answer: HttpAnswer, what: string): unknown {
  if (!JSON_TYPE.test(answer.headers['content-type'] ?? '')) throwInvalid(what, 'is not JSON')
  try {
    return JSON.parse(answer.body.toString('utf8')) as unknown
  } catch {
    return throwInvalid(what, 'is broken JSON')
  }
}

/** Seconds from `now` that `Retry-After` (RFC 9110 §10.2.3) asks for, a day at most. */
export function findRetryAfter({ headers }: HttpAnswer, now: Date): number | undefined {
  const text = headers['retry-after']?.trim() ?? ''
  const seconds = /^\d+$/.test(text) ? Number(text) : secondsUntil(text, now)
  if (Number.isNaN(seconds)) return undefined
  return Math.min(Math.max(Math.ceil(seconds), 0), MAX_DELAY_SECONDS)
}

// The parser takes far more than HTTP's dates, all of which name this zone.
function secondsUntil(date: string, now: Date): number {
  return date.endsWith(' GMT') ? (Date.parse(date) - now.getTime()) / 1000 : Number.NaN
}

function toOwnStatus(status: number): number {
  if (TRY_LATER.has(status)) return status === 429 ? 429 : 503
  return status >= 400 && status < 500 ? status : 502
}

function throwInvalid(what: string, reason: string): never {
  throw new AppError('invalid_answer', `Cannot ${what}: the answer ${reason}`, { status: 502 })
}
