import { randomUUID } from 'node:crypto'
import { findPause } from '../../core/roster/pause.ts'
import { createRosterReconcileStart } from '../../core/roster/workflow.ts'
import type { QueuedRun } from '../approval/open.ts'
import { appendAudit } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { enqueueStart } from '../workflow-starts.ts'
import { lockRosterProvider } from './providers.ts'
import { findRunningReconcile, insertRosterReconcile, type RosterReconcile } from './reconciles.ts'
import { findRunningRosterRun } from './runs.ts'

export type ReconcileRequest = {
  readonly providerId: string
  readonly repair: boolean
  readonly startedBy: string
  readonly requestId: string
  readonly traceparent?: string | undefined
  readonly now: Date
}

export type ReconcileStart =
  | {
      readonly outcome: 'started'
      readonly report: RosterReconcile
      /** To be handed over after the commit, or left to the relay. */
      readonly queued: QueuedRun
    }
  /** A run of the provider is under way. */
  | { readonly outcome: 'running'; readonly runId: string }
  /** Another comparison is. */
  | { readonly outcome: 'reconciling'; readonly reconcileId: string }
  /** The provider pauses, and nothing may be written. */
  | { readonly outcome: 'paused' }
  /** The provider is not there, or not any more. */
  | { readonly outcome: 'unknown' }

/** Opens a report on a provider's target and queues its workflow, unless something is under way. */
export async function startRosterReconcile(
  tx: Queryable,
  request: ReconcileRequest,
): Promise<ReconcileStart> {
  const { providerId, repair, startedBy, requestId, now } = request
  const provider = await lockRosterProvider(tx, providerId)
  if (!provider) return { outcome: 'unknown' }
  const run = await findRunningRosterRun(tx, providerId)
  if (run) return { outcome: 'running', runId: run.id }
  const other = await findRunningReconcile(tx, providerId)
  if (other) return { outcome: 'reconciling', reconcileId: other.id }
  const { tenant, settings } = provider
  if (repair && findPause(settings.pauses, settings.timeZone, now)) return { outcome: 'paused' }
  const row = { id: randomUUID(), tenant, providerId, repair, startedBy, requestId }
  const report = await insertRosterReconcile(tx, row)
  // Not reached while the provider's row is locked.
  if (!report) return { outcome: 'unknown' }
  await appendAudit(tx, [
    {
      actor: startedBy,
      action: 'roster.reconciled',
      subject: { type: 'roster-provider', id: providerId },
      cause: { requestId, tenant, providerId, reconcileId: report.id, repair: String(repair) },
    },
  ])
  const start = { ...createRosterReconcileStart(report), traceparent: request.traceparent }
  return { outcome: 'started', report, queued: { id: await enqueueStart(tx, start), start } }
}
