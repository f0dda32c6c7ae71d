import { createBreakers, isOutage } from '../../activities/sink-breaker.ts'
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
