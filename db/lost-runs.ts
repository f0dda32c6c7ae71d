import type { Database, Queryable } from './client.ts'
import { withTransaction } from './client.ts'
import { endReconcile } from './profile/reconciles.ts'
import { endSignatureRun } from './profile/signature-runs.ts'
import { endRosterReconcile } from './roster/reconcile-states.ts'
import { endSourceRun } from './source/runs.ts'

/** Work that is under way by our books, and the workflow that should be doing it. */
export type OpenRun = {
  readonly kind: 'source' | 'signatures' | 'reconcile' | 'roster-reconcile'
  readonly id: string
  readonly workflowId: string
}

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
  if (kind === 'signatures') await endSignatureRun(db, id, 'failed')
  else if (kind === 'reconcile') await endReconcile(db, id, 'failed')
  else if (kind === 'roster-reconcile') await endRosterReconcile(db, id, { code: 'terminated' })
  else {
    await withTransaction(
      db,
      async (tx) => await endSourceRun(tx, id, { state: 'failed', code: 'terminated' }),
    )
  }
}
