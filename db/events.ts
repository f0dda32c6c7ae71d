import type { RecordedEvent } from '../core/webhook/cloud-event.ts'
import type { Queryable, Transaction } from './client.ts'

/**
 * Events that nobody has been told of, oldest first, for this transaction alone; undefined while
 * another process tells of some.
 */
export async function takeUnrelayedEvents(
  tx: Transaction,
  limit: number,
): Promise<RecordedEvent[] | undefined> {
  const { rows: locks } = await tx.query<{ locked: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('event-relay', 0)) as locked`,
  )
  if (locks[0]?.locked !== true) return undefined
  const { rows } = await tx.query<RecordedEvent>(
    `select e.id, e.type, e.subject, e.data, e.request_id as "requestId",
            e.occurred_at as "occurredAt", coalesce(u.tenant, r.tenant, s.tenant) as tenant
       from events e
       left join uploads u
         on u.id = case when e.subject like 'uploads/%' then substr(e.subject, 9)::uuid end
       left join license_rollbacks r
         on r.id = case when e.subject like 'license-rollbacks/%'
              then substr(e.subject, 19)::uuid end
       left join roster_runs s
         on s.id = case when e.subject like 'roster-runs/%' then substr(e.subject, 13)::uuid end
      where e.relayed_at is null
      order by e.occurred_at, e.id
      limit $1::integer`,
    [limit],
  )
  return rows
}

/** Notes that these events are in the queue of whoever wants them. */
export async function markRelayed(tx: Queryable, ids: readonly string[]): Promise<void> {
  await tx.query('update events set relayed_at = clock_timestamp() where id = any ($1::uuid[])', [
    ids,
  ])
}

/** Forgets events that were told of before an instant; returns how many. */
export async function deleteRelayedEvents(db: Queryable, before: Date): Promise<number> {
  const { rowCount } = await db.query('delete from events where relayed_at < $1::timestamptz', [
    before,
  ])
  return rowCount ?? 0
}
