import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Pacer } from '../../../connectors/scim/pacer.ts'
import type { HttpAnswer } from '../../../connectors/http/exchange.ts'

const { signal } = new AbortController()
setMaxListeners(0, signal)
const answer = (status: number, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers,
  body: Buffer.alloc(0),
})

/** Runs calls that take some time, and answers the most that were under way at once. */
async function countAtOnce(pacer: Pacer, calls: number, maxAtOnce = 16): Promise<number> {
  let underWay = 0
  let most = 0
  const call = async (): Promise<HttpAnswer> => {
    underWay += 1
    most = Math.max(most, underWay)
    await delay(5)
    underWay -= 1
    return answer(200)
  }
  await Promise.all(
    Array.from({ length: calls }, async () => await pacer.pass(call, { signal, maxAtOnce })),
  )
  return most
}

test('Pacer begins with a few at once and goes up to what is allowed', async () => {
  const pacer = new Pacer()
  expect(await countAtOnce(pacer, 4)).toBeLessThanOrEqual(4)
  expect(await countAtOnce(pacer, 200)).toBe(16)
  expect(await countAtOnce(pacer, 50, 3)).toBe(3)
})

test('Pacer halves what it lets through when the target is overloaded, and goes up by one', async () => {
  const pacer = new Pacer()
  await countAtOnce(pacer, 200)
  const broken = Promise.all(
    Array.from({ length: 16 }, async () => {
      const call = async (): Promise<HttpAnswer> => {
        await delay(5)
        throw new Error('timeout')
      }
      await pacer.pass(call, { signal, maxAtOnce: 16 }).catch(() => {})
    }),
  )
  await broken
  // All of them were under way together: that is one time-out, not sixteen.
  const most = await countAtOnce(pacer, 24)
  expect(most).toBeGreaterThanOrEqual(8)
  expect(most).toBeLessThan(12)
})

test('Pacer does a call again until the target takes it, however often', async () => {
  const pacer = new Pacer()
  const answers = [answer(429, { 'retry-after': '0' }), answer(503, { 'retry-after': '0' })]
  const call = async (): Promise<HttpAnswer> =>
    await Promise.resolve(answers.shift() ?? answer(201))
  expect(await pacer.pass(call, { signal, maxAtOnce: 8 })).toMatchObject({ status: 201 })
})

test('Pacer holds everybody up for as long as one was asked to wait', async () => {
  const pacer = new Pacer()
  const answers = [answer(429, { 'retry-after': '1' })]
  const call = async (): Promise<HttpAnswer> =>
    await Promise.resolve(answers.shift() ?? answer(200))
  const startedMs = performance.now()
  const first = pacer.pass(call, { signal, maxAtOnce: 8 })
  await delay(20)
  await pacer.pass(call, { signal, maxAtOnce: 8 })
  expect(performance.now() - startedMs).toBeGreaterThan(950)
  await first
})

test('Pacer asks again after who was stopped during a long wait', async () => {
  const pacer = new Pacer()
  const stop = new AbortController()
  const refused = async (): Promise<HttpAnswer> =>
    await Promise.resolve(answer(429, { 'retry-after': '600' }))
  const stopped = pacer.pass(refused, { signal: stop.signal, maxAtOnce: 8 })
  await delay(20)
  stop.abort()
  await expect(stopped).rejects.toMatchObject({ code: 'call_aborted' })
  const call = async (): Promise<HttpAnswer> => await Promise.resolve(answer(200))
  const next = { signal: AbortSignal.timeout(30_000), maxAtOnce: 8 }
  // One a second at first, and more soon.
  for (let sent = 0; sent < 40; sent += 1) await pacer.pass(call, next)
})

test('Pacer calls less often after a 429 than before it', async () => {
  const pacer = new Pacer()
  const passing = { signal, maxAtOnce: 4 }
  let starts: number[] = []
  const call = async (): Promise<HttpAnswer> => {
    starts.push(performance.now())
    await delay(5)
    return answer(200)
  }
  const refusals = [answer(429, { 'retry-after': '0' })]
  const refused = async (): Promise<HttpAnswer> =>
    await Promise.resolve(refusals.shift() ?? answer(200))
  await Promise.all(Array.from({ length: 100 }, async () => await pacer.pass(call, passing)))
  await pacer.pass(refused, passing)
  starts = []
  await Promise.all(Array.from({ length: 20 }, async () => await pacer.pass(call, passing)))
  const gaps = starts.slice(1).map((startMs, index) => startMs - (starts[index] ?? 0))
  const middle = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0
  // Without the 429, four at once that take 5 ms start together.
  expect(middle).toBeGreaterThan(1)
})

test('Pacer takes refusals one after the other for one, and none of them for a rate of nothing', async () => {
  const pacer = new Pacer()
  const passing = { signal, maxAtOnce: 4 }
  const refusals = Array.from({ length: 4 }, () => answer(429, { 'retry-after': '0' }))
  const call = async (): Promise<HttpAnswer> =>
    await Promise.resolve(refusals.shift() ?? answer(200))
  const startedMs = performance.now()
  for (let calls = 0; calls < 20; calls += 1) await pacer.pass(call, passing)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
})

test('Pacer lets go of who is stopped while waiting, and lets the next one in', async () => {
  const pacer = new Pacer()
  const stop = new AbortController()
  const release: (() => void)[] = []
  const held = async (): Promise<HttpAnswer> =>
    await new Promise((resolve) => void release.push(() => resolve(answer(500))))
  const passing = { signal, maxAtOnce: 1 }
  const first = pacer.pass(held, passing)
  const stopped = pacer.pass(held, { signal: stop.signal, maxAtOnce: 1 })
  const last = pacer.pass(async () => await Promise.resolve(answer(200)), passing)
  stop.abort()
  await expect(stopped).rejects.toMatchObject({ code: 'call_aborted' })
  release[0]?.()
  expect(await first).toMatchObject({ status: 500 })
  expect(await last).toMatchObject({ status: 200 })
})

test('Pacer is quick again soon after a target that refused several times takes everything', async () => {
  const pacer = new Pacer()
  const answers = Array.from({ length: 5 }, () => answer(429, { 'retry-after': '0' }))
  const call = async (): Promise<HttpAnswer> =>
    await Promise.resolve(answers.shift() ?? answer(201))
  const startedMs = performance.now()
  for (let sent = 0; sent < 100; sent += 1) await pacer.pass(call, { signal, maxAtOnce: 4 })
  expect(performance.now() - startedMs).toBeLessThan(40_000)
})
