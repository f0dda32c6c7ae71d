import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity'
import { AppError } from '../../core/errors.ts'
import type { Database, Transaction } from '../../db/client.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { withHeartbeat } from '../heartbeat.ts'

// The type of the failure of what somebody asked to end.
const stoppedFailureType = 'stopped'

const POLL_MS = 400
// The connectors have tried as often as they may; the next run finds source and target as they are then.
const FINAL_CODES: ReadonlySet<string> = new Set([
  'source_unauthorized',
  'source_failed',
  'source_unreachable',
  'source_incomplete',
  'target_unauthorized',
  'target_unreachable',
  'target_failed',
  'answer_too_large',
])

/**
 * Does a part of a run or a comparison with heartbeats. The signal is aborted within half a second
 * once that is to end or has ended, which is then what the failure says, or once the activity is
 * cancelled.
 */
export async function withStop<T>(
  isStopAsked: () => Promise<boolean>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { cancellationSignal } = Context.current()
  const stop = new AbortController()
  const watch = setInterval(() => {
    // A database that is away stops nobody.
    void isStopAsked().then(
      (isAsked) => isAsked && stop.abort(),
      () => {},
    )
  }, POLL_MS)
  try {
    if (await isStopAsked()) throwStopped()
    const signal = AbortSignal.any([cancellationSignal, stop.signal])
    return await withHeartbeat(async () => await work(signal))
  } catch (error) {
    if (cancellationSignal.aborted) throw new CancelledFailure('Cancelled')
    if (stop.signal.aborted) throwStopped()
    throw isFinal(error) ? ApplicationFailure.nonRetryable(error.message, error.code) : error
  } finally {
    clearInterval(watch)
  }
}

/** Breaks off the statement that a transaction runs when the signal is aborted. */
export async function withCancellation<T>(
  db: Database,
  { tx, signal }: { readonly tx: Transaction; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
  const cancel = (): void => {
    void db.query('select pg_cancel_backend($1::integer)', [rows[0]?.pid]).catch(() => {})
  }
  signal.addEventListener('abort', cancel)
  try {
    signal.throwIfAborted()
    return await work()
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/**
 * Ends the work on a run that somebody asked to end. Whoever puts a run off calls this with its row
 * locked: a request that came before would be heard by nobody until the run goes on.
 */
export function assertNotStopped({ stopRequestedAt }: Pick<RosterRun, 'stopRequestedAt'>): void {
  if (stopRequestedAt !== null) throwStopped()
}

function throwStopped(): never {
  throw ApplicationFailure.nonRetryable('It was asked to end', stoppedFailureType)
}

/** True for what is not tried again: the connector has tried as often as it may. */
function isFinal(error: unknown): error is AppError {
  return error instanceof AppError && FINAL_CODES.has(error.code)
}
