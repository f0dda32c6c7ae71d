import type { HttpAnswer } from '../http/exchange.ts'

/** What an answer says of the window that its request was counted in. */
export type RateWindow = { readonly remaining: number; readonly endMs: number }

// Unix times in milliseconds are beyond it until the year 5138, those in seconds below it.
const MIN_MILLISECONDS = 1e11

/** `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix time) of an answer; none left on a 429. */
export function findWindow({ status, headers }: HttpAnswer): RateWindow | undefined {
  const reset = toNumber(headers['x-ratelimit-reset'])
  const remaining = status === 429 ? 0 : toNumber(headers['x-ratelimit-remaining'])
  if (reset === undefined || remaining === undefined) return undefined
  return { remaining, endMs: reset < MIN_MILLISECONDS ? reset * 1_000 : reset }
}

function toNumber(header: string | string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header.trim() : ''
  return /^\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}
