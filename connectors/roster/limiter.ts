import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'

/** Lets requests with one credential through, as fast as its owner may send them. */
export type Limiter = {
  /** Resolves when one more request may be sent. Throws `call_aborted` as soon as `signal` is. */
  readonly take: (signal: AbortSignal) => Promise<void>
  /** Nobody is let through before this instant. */
  readonly blockUntil: (instantMs: number) => void
  /** What the server says of its window: so many requests are left until its end. */
  readonly learn: (window: { readonly remaining: number; readonly endMs: number }) => void
}

export type LimiterOptions = {
  /** How many requests one window lets through; any number unless said. */
  readonly perWindow?: number
  readonly windowMs?: number
  readonly nowMs: () => number
}

const WINDOW_MS = 60_000
// Servers name its end in whole seconds.
const SAME_WINDOW_MS = 1_500
const MAX_KEPT = 1_000
const shared = new Map<string, Limiter>()

/**
 * The limiter that everything in this process shares that reads this address with this credential,
 * of which a hash is kept.
 */
export function getSharedLimiter(
  { baseUrl, credential }: { readonly baseUrl: string; readonly credential: string },
  options: LimiterOptions,
): Limiter {
  const key = createHash('sha256')
    .update(JSON.stringify([baseUrl, credential]))
    .digest('base64url')
  const limiter = shared.get(key) ?? createLimiter(options)
  shared.delete(key)
  shared.set(key, limiter)
  const [oldest] = shared.size > MAX_KEPT ? shared.keys() : []
  if (oldest !== undefined) shared.delete(oldest)
  return limiter
}

/** A limiter of fixed windows, whose first begins with the first request. */
export function createLimiter(options: LimiterOptions): Limiter {
  const { perWindow = Number.POSITIVE_INFINITY, windowMs = WINDOW_MS, nowMs } = options
  let window = { remaining: perWindow, endMs: Number.NEGATIVE_INFINITY }
  let blockedUntilMs = Number.NEGATIVE_INFINITY
  const findWaitMs = (): number => {
    const now = nowMs()
    if (now >= window.endMs) window = { remaining: perWindow, endMs: now + windowMs }
    const openMs = window.remaining > 0 ? now : window.endMs
    return Math.max(openMs, blockedUntilMs) - now
  }
  return {
    async take(signal) {
      for (let waitMs = findWaitMs(); waitMs > 0; waitMs = findWaitMs()) {
        try {
          await waitFor(waitMs, signal)
        } finally {
          // Whoever comes after one that was stopped asks again, and waits for no longer than a window.
          if (signal.aborted && blockedUntilMs > nowMs() + windowMs) {
            blockedUntilMs = Number.NEGATIVE_INFINITY
          }
        }
      }
      assertWanted(signal)
      window.remaining -= 1
    },
    blockUntil(instantMs) {
      blockedUntilMs = Math.max(blockedUntilMs, instantMs)
    },
    learn({ remaining, endMs }) {
      const now = nowMs()
      if (endMs <= now || endMs > now + windowMs + SAME_WINDOW_MS) return
      // Requests that are under way are not in the server's count yet.
      const isKnown = Math.abs(endMs - window.endMs) < SAME_WINDOW_MS
      window = { remaining: isKnown ? Math.min(remaining, window.remaining) : remaining, endMs }
    },
  }
}

/** Waits so long; throws `call_aborted` (503) as soon as `signal` is aborted. */
export async function waitFor(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(waitMs, undefined, { signal })
  } catch (error) {
    throw signal.aborted ? createAborted() : error
  }
}

/** Throws `call_aborted` (503) once `signal` is aborted. */
export function assertWanted(signal: AbortSignal): void {
  if (signal.aborted) throw createAborted()
}

function createAborted(): AppError {
  return new AppError('call_aborted', 'Cannot wait any longer: nobody wants the answer any more', {
    status: 503,
  })
}
