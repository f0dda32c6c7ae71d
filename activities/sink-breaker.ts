import { AppError } from '../core/errors.ts'

/** Keeps a worker from asking a sink again and again that does not answer. */
export type Breakers = {
  /** Undefined: ask it. Else after how many seconds to come again. */
  readonly take: (sink: string) => number | undefined
  readonly succeed: (sink: string) => void
  readonly fail: (sink: string) => void
}

type Breaker = { failures: number; openUntilMs: number; isProbed: boolean }

// It did not answer, or not as itself.
const OUTAGES: ReadonlySet<number> = new Set([502, 504])
// It answers, and what it has of one person is another thing: no reason to spare it the others.
const NOT_READ_BACK = 'not_read_back'

const PATIENCE = 3
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 15_000
// Those who were sent away do not come back all at once.
const SPREAD_SECONDS = 2

/**
 * A breaker per sink, in memory: after three failures in a row it lets nobody through for a second,
 * then one at a time, and pauses longer each time that one fails as well.
 */
export function createBreakers(nowMs: () => number): Breakers {
  const breakers = new Map<string, Breaker>()
  return {
    take(sink) {
      const breaker = breakers.get(sink)
      if (!breaker || breaker.failures < PATIENCE) return undefined
      const leftMs = breaker.openUntilMs - nowMs()
      if (leftMs <= 0 && !breaker.isProbed) {
        breaker.isProbed = true
        return undefined
      }
      return Math.max(leftMs, FIRST_PAUSE_MS) / 1000 + Math.random() * SPREAD_SECONDS
    },
    succeed: (sink) => void breakers.delete(sink),
    fail(sink) {
      const failures = (breakers.get(sink)?.failures ?? 0) + 1
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - PATIENCE), MAX_PAUSE_MS)
      breakers.set(sink, { failures, openUntilMs: nowMs() + pauseMs, isProbed: false })
    },
  }
}

/** True for an error after which nobody else need be sent to the sink. */
export function isOutage(error: unknown): boolean {
  return error instanceof AppError && OUTAGES.has(error.status) && error.code !== NOT_READ_BACK
}
