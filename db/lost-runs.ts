import { createIngestStart } from '../core/license/workflow.ts'
import type { Database, Queryable } from './client.ts'
import { withTransaction } from './client.ts'
import { endRollback } from './license/rollbacks.ts'
import { endReconcile } from './profile/reconciles.ts'
import { endSignatureRun } from './profile/signature-runs.ts'
import { endRosterReconcile } from './roster/reconcile-states.ts'
import { endSourceRun } from './source/runs.ts'
import { endUpload } from './upload-closing.ts'
import { hasEnded, lockUpload } from './uploads.ts'
import { enqueueStart } from './workflow-starts.ts'

/** Work that is under way by our books, and the workflow that should be doing it. */
export type OpenRun = {
  readonly kind: 'source' | 'signatures' | 'reconcile' | 'roster-reconcile' | 'upload' | 'rollback'
  readonly id: string
  readonly workflowId: string
}

const TERMINATED = 'terminated'

/** Runs that are under way since before an instant, but for those whose start is still in the outbox. */
export async function listOpenRuns(
  db: Queryable,
  { startedBefore }: { readonly startedBefore: Date },
): Promise<OpenRun[]> {
  const { rows } = await db.query<OpenRun>(
    `with open as (
       select 'source' as kind, id, created_at as since,
         case when approval_id is null then coalesce(workflow_id, 'source-run:' || id)
              else 'source-run:' || id || ':decided' end as "workflowId"
         from source_runs where state in ('queued', 'reading', 'comparing', 'posting')
       union all
       select 'signatures', id, started_at, coalesce(workflow_id, 'signature-run:' || id)
         from signature_runs where state = 'running'
       union all
       select 'reconcile', id, started_at, 'sink-reconcile:' || id
         from sink_reconciles where state = 'running'
       union all
       select 'roster-reconcile', id, started_at, 'roster-reconcile:' || id
         from roster_reconciles where state = 'running'
       union all
       select 'upload', id, received_at, 'license-upload:' || id
         from uploads where state in ('received', 'validating', 'ingesting')
       union all
       select 'rollback', id, created_at, 'license-rollback:' || id
         from license_rollbacks where state = 'planning'
     )
     select kind, id, "workflowId" from open
      where since < $1::timestamptz
        and not exists (select 1 from workflow_starts s where s.workflow_id = "workflowId")
      order by since`,
    [startedBefore],
  )
  return rows
}

/** Ends a run that nobody does any more, as `failed`; nothing is changed where it has ended. */
export async function endLostRun(db: Database, { kind, id }: OpenRun): Promise<void> {
  switch (kind) {
    case 'signatures':
      return await endSignatureRun(db, id, 'failed')
    case 'reconcile':
      return await endReconcile(db, id, 'failed')
    case 'roster-reconcile':
      return await endRosterReconcile(db, id, { code: TERMINATED })
    case 'source':
      return await withTransaction(db, async (tx) => {
        await endSourceRun(tx, id, { state: 'failed', code: TERMINATED })
      })
    case 'upload':
      return await withTransaction(db, async (tx) => await endLostUpload(tx, id))
    case 'rollback':
      return await endRollback(db, id, { state: 'failed', failureCode: TERMINATED })
    default:
      kind satisfies never
  }
}

/**
 * Queues the start of a run of which Temporal knows nothing; false for kinds that have to be asked
 * for anew. What was committed of an upload counts, and is not done again.
 */
export async function restartLostRun(db: Database, { kind, id }: OpenRun): Promise<boolean> {
  if (kind !== 'upload') return false
  await withTransaction(db, async (tx) => {
    const upload = await lockUpload(tx, id)
    if (!hasEnded(upload)) await enqueueStart(tx, createIngestStart(upload, undefined))
  })
  return true
}

// What was written by then stays and is counted.
async function endLostUpload(tx: Queryable, uploadId: string): Promise<void> {
  const { cancelRequestedAt } = await lockUpload(tx, uploadId)
  const end =
    cancelRequestedAt === undefined
      ? ({ state: 'failed', failureCode: TERMINATED } as const)
      : ({ state: 'cancelled' } as const)
  await endUpload(tx, { uploadId, ...end })
}
