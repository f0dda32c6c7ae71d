import { ApplicationFailure, CancelledFailure, CompleteAsyncError } from '@temporalio/activity'
import { AppError } from '../core/errors.ts'

/** The type of a failure that nobody foresaw; it is retried. */
export const unexpectedFailureType = 'unexpected'

const RETRY_LATER_STATUSES: ReadonlySet<number> = new Set([429, 503])
const DEFAULT_RETRY_SECONDS = 2

/**
 * The failure that Temporal is told: an AppError keeps its code as type (4xx is final, 429 and 503
 * come back after their delay); anything else is retried and loses its message, which may hold data.
 */
export function toFailure(error: unknown): Error {
  if (isTemporalOwn(error)) return error
  if (error instanceof AppError) return toApplicationFailure(error)
  return ApplicationFailure.create({
    type: unexpectedFailureType,
    message: `Cannot complete the activity: unexpected ${describeKind(error)}`,
  })
}

/** The same activities, each throwing only what `toFailure` makes; `onUnexpected` sees the original error. */
export function withFailures<T extends Readonly<Record<string, Activity>>>(
  activities: T,
  onUnexpected: (error: unknown, activity: string) => void = () => {},
): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...input: unknown[]) => {
      try {
        return await activity(...input)
      } catch (error) {
        const failure = toFailure(error)
        if (isUnexpected(failure)) onUnexpected(error, name)
        throw failure
      }
    },
  ])
  return Object.fromEntries(wrapped) as T // the same names, each with its function's own signature
}

// Method syntax makes parameters bivariant, so that any activity fits.
type Activity = { bivariant(...input: readonly unknown[]): Promise<unknown> }['bivariant']

function isTemporalOwn(error: unknown): error is Error {
  return (
    error instanceof ApplicationFailure ||
    error instanceof CancelledFailure ||
    error instanceof CompleteAsyncError
  )
}

function isUnexpected(failure: Error): boolean {
  return failure instanceof ApplicationFailure && failure.type === unexpectedFailureType
}

function toApplicationFailure(error: AppError): ApplicationFailure {
  const isRetriedLater = RETRY_LATER_STATUSES.has(error.status)
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: error.status < 500 && !isRetriedLater,
    ...(isRetriedLater
      ? { nextRetryDelay: `${error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS} seconds` as const }
      : {}),
  })
}

// A class name and a code (SQLSTATE, errno) say what happened and nothing of anybody.
function describeKind(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return `${error.name}${code}`
}
