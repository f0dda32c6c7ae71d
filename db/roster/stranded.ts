import type { RosterRunState } from '../../core/roster/run.ts'
import { createRosterWake } from '../../core/roster/workflow.ts'
import type { QueuedRun } from '../approval/open.ts'
import { withTransaction, type Database, type Queryable } from '../client.ts'
import { enqueueStart } from '../workflow-starts.ts'
import { dropRosterStaging } from './staging.ts'

type Stranded = {
  readonly id: string
  readonly providerId: string
  readonly requestId: string
  readonly state: RosterRunState
  readonly approvalId: string | null
  readonly workflowId: string | null
}

/** Wakes runs that stand still since before an instant: their workflows were lost, or an operator ended them. */
export async function wakeStrandedRuns(
  db: Database,
  { seenBefore, limit }: { readonly seenBefore: Date; readonly limit: number },
): Promise<number> {
  return await withTransaction(db, async (tx) => {
    const { rows } = await tx.query<Stranded>(
      `update roster_runs r set seen_at = clock_timestamp()
       from (
         select id from roster_runs
         where state in ('queued', 'pulling', 'planning', 'applying')
           and seen_at < $1::timestamptz
           and (paused_until is null or paused_until < $1::timestamptz)
         order by seen_at
         limit $2::integer
         for update skip locked
       ) s
       where r.id = s.id
       returning r.id, r.provider_id as "providerId", r.request_id as "requestId", r.state,
         r.approval_id as "approvalId", r.workflow_id as "workflowId"`,
      [seenBefore, limit],
    )
    for (const run of rows) await enqueueStart(tx, createRosterWake(run))
    return rows.length
  })
}

/** Lets a run that waits for the end of a pause look whether it may go on; answers what is to be handed over. */
export async function wakeWaitingRun(
  tx: Queryable,
  providerId: string,
): Promise<readonly QueuedRun[]> {
  const { rows } = await tx.query<Stranded>(
    `select id, provider_id as "providerId", request_id as "requestId", state,
       approval_id as "approvalId", workflow_id as "workflowId"
     from roster_runs
     where provider_id = $1::uuid and state in ('queued', 'pulling', 'planning', 'applying')
       and paused_until is not null`,
    [providerId],
  )
  const queued: QueuedRun[] = []
  for (const run of rows) {
    const start = createRosterWake(run)
    queued.push({ id: await enqueueStart(tx, start), start })
  }
  return queued
}

/** Drops what is staged for runs that ended an hour ago or longer, or are gone. */
export async function sweepRosterStaging(db: Database): Promise<void> {
  const { rows } = await db.query<{ id: string }>(
    `select distinct r.id
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'staging'
     join roster_runs r
       on 'roster_' || replace(r.id::text, '-', '') = substr(c.relname, 1, 39)
     where c.relkind = 'r' and c.relname like 'roster\\_%'
       and r.ended_at < now() - interval '1 hour'`,
  )
  for (const { id } of rows) await dropRosterStaging(db, id)
}

/** Forgets what runs did that ended before an instant, change by change; the runs stay. */
export async function forgetRosterChanges(
  db: Database,
  { endedBefore, limit }: { readonly endedBefore: Date; readonly limit: number },
): Promise<void> {
  await db.query(
    `with old as (
       select id from roster_runs r
       where ended_at < $1::timestamptz
         and exists (select from roster_changes c where c.run_id = r.id)
       order by ended_at
       limit $2::integer
     )
     delete from roster_changes c using old where c.run_id = old.id`,
    [endedBefore, limit],
  )
}
