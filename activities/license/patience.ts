import { ApplicationFailure, Context } from '@temporalio/activity'
import pg from 'pg'
import { AppError } from '../../core/errors.ts'
import { unexpectedFailureType } from '../failures.ts'

/** Attempts after which a failure that is nobody's outage ends the run. */
const MAX_ATTEMPTS = 8
// Connection, rollback (deadlock), resources, operator intervention, input and output of the server.
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '40', '53', '57', '58'])

/**
 * Lets an activity be tried for as long as the database or the network is away, but a failure that
 * repeats for another reason only a few times: then it is final.
 */
export async function withPatience<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isLasting(error) || Context.current().info.attempt < MAX_ATTEMPTS) throw error
    throw ApplicationFailure.nonRetryable(
      `Cannot complete the activity in ${MAX_ATTEMPTS} attempts`,
      error instanceof AppError ? error.code : unexpectedFailureType,
    )
  }
}

/** True for an error that another attempt will meet again: a fault of the code, not an outage. */
export function isLasting(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return !PASSING_CLASSES.has(error.code?.slice(0, 2) ?? '')
  if (error instanceof AppError) return error.status === 500
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
}
