import { createPasswordHasher } from '../../crypto/password-hasher.ts'

const limits = { running: 2, waiting: 4 }

test('a password verifies against its own hash, however its letters were typed', async () => {
  const hasher = createPasswordHasher()
  const hashed = await hasher.hash('\u00e9t\u00e9 \u00e0 Nice')
  expect(hashed).toMatch(/^\$argon2id\$v=19\$m=47104,t=1,p=1\$/)
  expect(await hasher.verify('e\u0301te\u0301 a\u0300 Nice', hashed)).toBe(true)
  expect(await hasher.verify('ete a Nice', hashed)).toBe(false)
})

test('all of a long password counts', async () => {
  const hasher = createPasswordHasher()
  const long = '\u{1f680}'.repeat(127)
  const hashed = await hasher.hash(`${long}a`)
  expect(await hasher.verify(`${long}b`, hashed)).toBe(false)
})

test('two hashes of one password differ', async () => {
  const hasher = createPasswordHasher()
  expect(await hasher.hash('same as ever')).not.toBe(await hasher.hash('same as ever'))
})

test('without a hash nothing verifies, and that takes as long as a wrong password', async () => {
  const hasher = createPasswordHasher()
  const hashed = await hasher.hash('nine ducks')
  const timeMs = async (stored: string | undefined): Promise<number> => {
    const start = performance.now()
    expect(await hasher.verify('ten ducks', stored)).toBe(false)
    return performance.now() - start
  }
  const wrong: number[] = []
  const unknown: number[] = []
  for (let run = 0; run < 15; run += 1) {
    wrong.push(await timeMs(hashed))
    unknown.push(await timeMs(undefined))
  }
  // The least of many: whatever else the machine does only adds to it.
  const ratio = Math.min(...unknown) / Math.min(...wrong)
  expect(ratio).toBeGreaterThan(0.7)
  expect(ratio).toBeLessThan(1.4)
})

test('what would wait too long is refused at once, and the rest is answered', async () => {
  const hasher = createPasswordHasher(limits)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, async () => await hasher.hash('one of many')),
  )
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(8 - limits.running - limits.waiting)
  for (const { reason } of refused as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ code: 'hasher_busy', status: 503, retryAfterSeconds: 2 })
  }
  await expect(hasher.hash('one more')).resolves.toContain('$argon2id$')
})

test('no more run at once than may, and fifty are all answered', async () => {
  const peaks: number[] = []
  const hasher = createPasswordHasher()
  const sampling = setInterval(() => peaks.push(process.memoryUsage().rss), 5)
  const before = process.memoryUsage().rss
  const hashed = await hasher.hash('fifty at once')
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => await hasher.verify('fifty at once', hashed)),
  )
  clearInterval(sampling)
  expect(answers.every(Boolean)).toBe(true)
  // Four of them, and a little.
  expect(Math.max(...peaks) - before).toBeLessThan(4 * 46 * 2 ** 20 + 40 * 2 ** 20)
})
