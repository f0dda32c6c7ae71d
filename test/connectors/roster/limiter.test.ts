import { createLimiter, getSharedLimiter } from '../../../connectors/roster/limiter.ts'

const { signal } = new AbortController()

let nowMs = 0

/** How many of ten may be sent now. */
async function countFree(limiter: ReturnType<typeof createLimiter>): Promise<number> {
  let free = 0
  for (let index = 0; index < 10; index += 1) {
    const asked = new AbortController()
    const taken = limiter.take(asked.signal).then(
      () => true,
      () => false,
    )
    await new Promise((done) => setImmediate(done))
    asked.abort()
    if (await taken) free += 1
  }
  return free
}

beforeEach(() => {
  nowMs = 1_000_000
})

test('a window lets so many through, and the next one as many again', async () => {
  const limiter = createLimiter({ perWindow: 4, windowMs: 60_000, nowMs: () => nowMs })
  expect(await countFree(limiter)).toBe(4)
  nowMs += 59_999
  expect(await countFree(limiter)).toBe(0)
  nowMs += 1
  expect(await countFree(limiter)).toBe(4)
})

test('what the server says of its window counts, where it is one', async () => {
  const limiter = createLimiter({ perWindow: 8, windowMs: 60_000, nowMs: () => nowMs })
  await limiter.take(signal)
  limiter.learn({ remaining: 2, endMs: nowMs + 30_000 })
  expect(await countFree(limiter)).toBe(2)
  limiter.learn({ remaining: 8, endMs: nowMs + 900_000 })
  limiter.learn({ remaining: 8, endMs: nowMs - 1 })
  expect(await countFree(limiter)).toBe(0)
  nowMs += 30_000
  expect(await countFree(limiter)).toBe(8)
})

test('nobody is let through before the instant until which it is blocked', async () => {
  const limiter = createLimiter({ nowMs: () => nowMs })
  limiter.blockUntil(nowMs + 5_000)
  limiter.blockUntil(nowMs + 1_000)
  nowMs += 4_999
  expect(await countFree(limiter)).toBe(0)
  nowMs += 1
  expect(await countFree(limiter)).toBe(10)
})

test('a block beyond a window is lifted by who is stopped during it, a shorter one is not', async () => {
  const limiter = createLimiter({ nowMs: () => nowMs })
  limiter.blockUntil(nowMs + 60_000)
  expect(await countFree(limiter)).toBe(0)
  limiter.blockUntil(nowMs + 300_000)
  // The first of them is stopped.
  expect(await countFree(limiter)).toBe(9)
})

test('a limiter is shared by address and credential', () => {
  const options = { nowMs: () => nowMs }
  const key = { baseUrl: 'https://sis.example', credential: 'a' }
  const limiter = getSharedLimiter(key, options)
  expect(getSharedLimiter({ ...key }, options)).toBe(limiter)
  expect(getSharedLimiter({ ...key, credential: 'b' }, options)).not.toBe(limiter)
  expect(getSharedLimiter({ ...key, baseUrl: 'https://other.example' }, options)).not.toBe(limiter)
})
