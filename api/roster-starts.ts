import { AppError } from '../core/errors.ts'
import type { RunStart } from '../db/roster/start.ts'
import { throwNotFound } from './roster-access.ts'

const REPAIR_SECONDS = 2

/**
 * Ends a request whose run did not start: `sync_running` (409) with the `syncId` of the one under
 * way, `reconcile_writing` (409) amid a repair, `paused` (409), or `not_found` (404).
 */
export function throwNotStarted(start: Exclude<RunStart, { readonly outcome: 'started' }>): never {
  switch (start.outcome) {
    case 'unknown':
      return throwNotFound()
    case 'running':
      throw new AppError('sync_running', 'Cannot start a run: one of the provider is under way', {
        status: 409,
        details: { members: { syncId: start.runId } },
      })
    case 'repairing':
      throw new AppError('reconcile_writing', 'Cannot start a run yet: a repair writes now', {
        status: 409,
        retryAfterSeconds: REPAIR_SECONDS,
        details: { members: { reconcileId: start.reconcileId } },
      })
    case 'paused':
      throw new AppError(
        'paused',
        `Cannot start a run: the provider pauses until ${start.until?.toISOString() ?? 'it is resumed'}; "force": true starts one`,
        { status: 409, details: { members: { until: start.until?.toISOString() } } },
      )
    default:
      return start satisfies never
  }
}
