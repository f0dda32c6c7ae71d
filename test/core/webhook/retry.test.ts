import { findRetryDelay, retryDelaysSeconds } from '../../../core/webhook/retry.ts'

const SECONDS_PER_HOUR = 3_600

test('the schedule is 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h', () => {
  expect(retryDelaysSeconds).toEqual([
    5,
    300,
    1800,
    ...[2, 5, 10, 14, 20, 24].map((hours) => hours * SECONDS_PER_HOUR),
  ])
})

test('findRetryDelay() counts the attempts that failed, and gives up after ten', () => {
  const delays = Array.from({ length: 10 }, (_, index) => findRetryDelay(index + 1, { jitter: 0 }))
  expect(delays).toEqual([...retryDelaysSeconds, undefined])
})

test('findRetryDelay() adds a tenth at most, so that what failed together comes apart', () => {
  expect(findRetryDelay(2, { jitter: 1 })).toBeCloseTo(330)
})

test('findRetryDelay() never comes back sooner than Retry-After asks', () => {
  expect(findRetryDelay(1, { jitter: 0, retryAfterSeconds: 60 })).toBe(60)
  expect(findRetryDelay(1, { jitter: 1, retryAfterSeconds: 60 })).toBeGreaterThanOrEqual(60)
  expect(findRetryDelay(3, { jitter: 0, retryAfterSeconds: 60 })).toBe(1800)
})
