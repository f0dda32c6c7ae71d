import type { Queryable } from '../client.ts'

/** Forgets deliveries that arrived, or were superseded, before an instant; returns how many. */
export async function deleteSettledDeliveries(
  db: Queryable,
  options: { readonly settledBefore: Date; readonly limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from webhook_deliveries
      where id in (
        select id from webhook_deliveries
         where settled_at < $1::timestamptz and state in ('succeeded', 'superseded')
         order by settled_at
         limit $2::integer
           for update skip locked)`,
    [options.settledBefore, options.limit],
  )
  return rowCount ?? 0
}

/** How many deliveries wait, by kind of endpoint. */
export async function countWaitingDeliveries(
  db: Queryable,
): Promise<{ readonly kind: string; readonly count: number }[]> {
  const { rows } = await db.query<{ kind: string; count: number }>(
    `select e.kind, count(*) as count
       from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
      where d.state = 'pending'
      group by e.kind`,
  )
  return rows
}
