import { createBreakers, isOutage, type Breakers } from '../../activities/sink-breaker.ts'
import { AppError } from '../../core/errors.ts'

const failure = (status: number, code = 'x'): AppError => new AppError(code, 'Cannot', { status })

test.each([
  ['no answer', failure(502), true],
  ['a late answer', failure(504), true],
  ['what one person cannot be written for', failure(502, 'not_read_back'), false],
  ['a refusal', failure(422), false],
  ['a limit', failure(429), false],
  ['something unknown', new Error('x'), false],
])('%s: whether others are spared the sink', (_, error, expected) => {
  expect(isOutage(error)).toBe(expected)
})

test('after three failures in a row one at a time is let through, until one succeeds', () => {
  let nowMs = 0
  const breakers = createBreakers(() => nowMs)
  for (let failures = 0; failures < 3; failures += 1) {
    expect(breakers.take('directory')).toBeUndefined()
    breakers.fail('directory')
  }
  expect(breakers.take('directory')).toBeGreaterThanOrEqual(1)
  expect(breakers.take('other')).toBeUndefined()
  nowMs = 1_000
  expect(breakers.take('directory')).toBeUndefined()
  expect(breakers.take('directory')).toBeGreaterThanOrEqual(1)
  breakers.succeed('directory')
  expect(breakers.take('directory')).toBeUndefined()
})

function openBreaker(nowMs: () => number): Breakers {
  const breakers = createBreakers(nowMs)
  for (let failures = 0; failures < 3; failures += 1) breakers.fail('directory')
  return breakers
}

test('whoever only looks keeps nobody else from the sink', () => {
  let nowMs = 0
  const breakers = openBreaker(() => nowMs)
  nowMs = 1_000
  expect(breakers.look('directory')).toBeUndefined()
  expect(breakers.take('directory')).toBeUndefined()
  expect(breakers.look('directory')).toBeGreaterThanOrEqual(1)
})

test('those who are sent away come back one after the other, within a minute', () => {
  const breakers = openBreaker(() => 0)
  const waits = Array.from({ length: 1_000 }, () => breakers.look('directory') ?? 0)
  const inFirst = (seconds: number): number => waits.filter((wait) => wait <= seconds).length
  expect(waits.slice(0, 4)).toEqual([1, 1.25, 1.5, 1.75])
  expect(inFirst(20)).toBeLessThanOrEqual(80)
  expect(Math.max(...waits)).toBeLessThanOrEqual(60)
})
