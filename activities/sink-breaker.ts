import { AppError } from '../core/errors.ts'

/** Keeps a worker from asking a sink again and again that does not answer. */
export type Breakers = {
  /** Undefined: it may be asked. Else after how many seconds to come again. */
  readonly look: (sink: string) => number | undefined
  /** As `look`; who is let through to a sink that was away says how it went, by `succeed` or `fail`. */
  readonly take: (sink: string) => number | undefined
  readonly succeed: (sink: string) => void
  readonly fail: (sink: string) => void
}

type Breaker = { failures: number; openUntilMs: number; isProbed: boolean; lastReturnMs: number }

// It did not answer, or not as itself.
const OUTAGES: ReadonlySet<number> = new Set([502, 504])
// It answers, and what it has of one person is another thing: no reason to spare it the others.
const NOT_READ_BACK = 'not_read_back'

const PATIENCE = 3
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 15_000
// Whoever is sent away comes back some time after the one before, so that a sink that is down costs
// the engine the same, however many persons wait for it.
const RETURN_SPACING_MS = 250
const MAX_WAIT_MS = 60_000

/**
 * A breaker per sink, in memory: after three failures in a row it lets nobody through for a second,
 * then one at a time, and pauses longer each time that one fails as well.
 */
export function createBreakers(nowMs: () => number): Breakers {
  const breakers = new Map<string, Breaker>()
  const look = (sink: string): number | undefined => {
    const breaker = breakers.get(sink)
    if (!breaker || isPassable(breaker, nowMs())) return undefined
    return sendAway(breaker, nowMs()) / 1_000
  }
  return {
    look,
    take(sink) {
      const waitSeconds = look(sink)
      const breaker = breakers.get(sink)
      if (waitSeconds === undefined && breaker) breaker.isProbed = breaker.failures >= PATIENCE
      return waitSeconds
    },
    succeed: (sink) => void breakers.delete(sink),
    fail(sink) {
      const { failures: before = 0, lastReturnMs = 0 } = breakers.get(sink) ?? {}
      const failures = before + 1
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - PATIENCE), MAX_PAUSE_MS)
      const openUntilMs = nowMs() + pauseMs
      breakers.set(sink, { failures, openUntilMs, isProbed: false, lastReturnMs })
    },
  }
}

function isPassable({ failures, openUntilMs, isProbed }: Breaker, nowMs: number): boolean {
  return failures < PATIENCE || (openUntilMs <= nowMs && !isProbed)
}

// Answers for how many milliseconds. Where all places up to the longest wait are taken, any will do.
function sendAway(breaker: Breaker, nowMs: number): number {
  const earliestMs = Math.max(breaker.openUntilMs, nowMs + FIRST_PAUSE_MS)
  const returnMs = Math.max(earliestMs, breaker.lastReturnMs + RETURN_SPACING_MS)
  if (returnMs > nowMs + MAX_WAIT_MS) return MAX_WAIT_MS * (1 - Math.random() / 2)
  breaker.lastReturnMs = returnMs
  return returnMs - nowMs
}

/** True for an error after which nobody else need be sent to the sink. */
export function isOutage(error: unknown): boolean {
  return error instanceof AppError && OUTAGES.has(error.status) && error.code !== NOT_READ_BACK
}
