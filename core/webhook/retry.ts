/**
 * Seconds to wait after each failed attempt: the schedule of the Standard Webhooks specification,
 * ten attempts within a bit more than three days.
 */
export const retryDelaysSeconds: readonly number[] = [
  5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
]

/** Days of nothing but failures after which an endpoint is disabled. */
export const MAX_FAILING_DAYS = 5

const JITTER = 0.1

export type RetryOptions = {
  /** What the receiver asked for with `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined
  /** From 0 to 1, to spread what failed together. */
  readonly jitter: number
}

/**
 * Seconds until the next attempt after so many have failed, never sooner than the receiver asked;
 * undefined when none is left.
 */
export function findRetryDelay(attempts: number, options: RetryOptions): number | undefined {
  const delay = retryDelaysSeconds[attempts - 1]
  if (delay === undefined) return undefined
  return Math.max(delay, options.retryAfterSeconds ?? 0) * (1 + JITTER * options.jitter)
}
