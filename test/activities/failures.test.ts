import { ApplicationFailure, CancelledFailure } from '@temporalio/activity'
import { toFailure, withFailures } from '../../activities/failures.ts'
import { AppError } from '../../core/errors.ts'

const CANARY = '123-45-6789'

test.each([
  [400, undefined, { nonRetryable: true, nextRetryDelay: undefined }],
  [404, undefined, { nonRetryable: true, nextRetryDelay: undefined }],
  [422, 7, { nonRetryable: true, nextRetryDelay: undefined }],
  [429, 7, { nonRetryable: false, nextRetryDelay: '7 seconds' }],
  [429, undefined, { nonRetryable: false, nextRetryDelay: '2 seconds' }],
  [500, undefined, { nonRetryable: false, nextRetryDelay: undefined }],
  [503, 30, { nonRetryable: false, nextRetryDelay: '30 seconds' }],
])('toFailure() of status %d with a delay of %p decides the retry', (status, seconds, expected) => {
  const error = new AppError('some_code', 'Cannot do it: because', {
    status,
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  })
  const failure = toFailure(error)
  expect(failure).toMatchObject({ type: 'some_code', message: error.message, ...expected })
})

test.each([
  ['an Error', new Error(`row ${CANARY}`), 'unexpected Error'],
  ['a TypeError', new TypeError(CANARY), 'unexpected TypeError'],
  [
    'an error of the database',
    Object.assign(new Error(CANARY), { code: '22P02', detail: CANARY }),
    'unexpected Error (22P02)',
  ],
  ['something thrown that is no error', CANARY, 'unexpected string'],
])('toFailure() of %s is retryable and says what it was, not whom', (_what, error, said) => {
  const failure = toFailure(error)
  expect(failure).toBeInstanceOf(ApplicationFailure)
  expect(failure).toMatchObject({ type: 'unexpected', nonRetryable: false })
  expect(failure.message).toContain(said)
  expect(`${failure.message}${failure.stack}${JSON.stringify(failure)}`).not.toContain(CANARY)
  expect(failure.cause).toBeUndefined()
})

test('toFailure() leaves failures of Temporal as they are', () => {
  for (const failure of [ApplicationFailure.retryable('m', 't'), new CancelledFailure('m')]) {
    expect(toFailure(failure)).toBe(failure)
  }
})

test('withFailures() passes results on and shows unexpected errors to the log only', async () => {
  const seen: unknown[] = []
  const odd = new Error(CANARY)
  const activities = withFailures(
    {
      double: async ({ n }: { n: number }) => await Promise.resolve(2 * n),
      refuse: async () => {
        throw new AppError('refused', 'Cannot do it: refused', { status: 422 })
      },
      break: async () => {
        throw odd
      },
    },
    (error, activity) => seen.push([error, activity]),
  )
  await expect(activities.double({ n: 2 })).resolves.toBe(4)
  await expect(activities.refuse()).rejects.toMatchObject({ type: 'refused', nonRetryable: true })
  await expect(activities.break()).rejects.toMatchObject({ type: 'unexpected' })
  expect(seen).toEqual([[odd, 'break']])
})
