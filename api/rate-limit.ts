import { AppError } from '../core/errors.ts'

/** Counts calls by name: `take` is false once the name has used up its share of this second. */
export type RateLimiter = { readonly take: (name: string) => boolean }

type Bucket = { tokens: number; filledAtMs: number }

const MAX_BUCKETS = 50_000

/** A token bucket per name, in memory: `perSecond` at once, refilled evenly; 0 means no limit. */
export function createRateLimiter(perSecond: number, nowMs: () => number): RateLimiter {
  // In order of last use, so that the first is the one to forget.
  const buckets = new Map<string, Bucket>()
  return {
    take(name) {
      if (perSecond === 0) return true
      const bucket = refill(buckets.get(name), perSecond, nowMs())
      buckets.delete(name)
      buckets.set(name, bucket)
      if (buckets.size > MAX_BUCKETS) forgetOldest(buckets)
      if (bucket.tokens < 1) return false
      bucket.tokens -= 1
      return true
    },
  }
}

/** Throws `rate_limited` (429) with `Retry-After: 1` when the name has no calls left. */
export function assertWithinRate(limiter: RateLimiter, name: string): void {
  if (limiter.take(name)) return
  throw new AppError('rate_limited', 'Cannot take more requests now: slow down', {
    status: 429,
    retryAfterSeconds: 1,
  })
}

function refill(known: Bucket | undefined, perSecond: number, nowMs: number): Bucket {
  if (!known) return { tokens: perSecond, filledAtMs: nowMs }
  const earned = (Math.max(0, nowMs - known.filledAtMs) / 1000) * perSecond
  return { tokens: Math.min(perSecond, known.tokens + earned), filledAtMs: nowMs }
}

function forgetOldest(buckets: Map<string, Bucket>): void {
  const oldest = buckets.keys().next()
  if (!oldest.done) buckets.delete(oldest.value)
}
