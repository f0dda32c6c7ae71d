import type { Queryable } from '../client.ts'

/** Asks a comparison to end; false when it has. */
export async function requestReconcileStop(tx: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update roster_reconciles
     set stop_requested_at = coalesce(stop_requested_at, clock_timestamp())
     where id = $1::uuid and state = 'running'`,
    [id],
  )
  return rowCount === 1
}

/** Whether somebody asked the comparison to end, or it has ended. */
export async function isReconcileStopAsked(db: Queryable, id: string): Promise<boolean> {
  const { rows } = await db.query<{ asked: boolean }>(
    `select stop_requested_at is not null or ended_at is not null as asked
     from roster_reconciles where id = $1::uuid`,
    [id],
  )
  return rows[0]?.asked ?? true
}

/** Forgets where targets differed in reports that ended before an instant; the reports stay. */
export async function forgetRosterDrifts(
  db: Queryable,
  { endedBefore, limit }: { readonly endedBefore: Date; readonly limit: number },
): Promise<void> {
  await db.query(
    `with old as (
       select id from roster_reconciles r
       where ended_at < $1::timestamptz
         and exists (select from roster_drifts d where d.reconcile_id = r.id)
       order by ended_at
       limit $2::integer
     )
     delete from roster_drifts d using old where d.reconcile_id = old.id`,
    [endedBefore, limit],
  )
}

/**
 * Ends a report that is running: `stopped` where it was asked to, `failed` where a code says why,
 * else `succeeded`.
 */
export async function endRosterReconcile(
  db: Queryable,
  id: string,
  { code }: { readonly code?: string },
): Promise<void> {
  await db.query(
    `with ended as (
       update roster_reconciles
       set state = case when $2::text is null then 'succeeded'
           when $2::text = 'stopped' then 'stopped' else 'failed' end,
         error_code = nullif($2::text, 'stopped'), is_writing = false, ended_at = clock_timestamp()
       where id = $1::uuid and state = 'running'
       returning id
     )
     delete from roster_reconcile_seen s using ended where s.reconcile_id = ended.id`,
    [id, code ?? null],
  )
}
