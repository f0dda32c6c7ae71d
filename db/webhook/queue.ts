import { randomUUID } from 'node:crypto'
import type { Queryable, Transaction } from '../client.ts'

/** What is to be sent to one endpoint. */
export type NewDelivery = {
  readonly endpointId: string
  readonly type: string
  /** Of a person: theirs are sent in order, and only the newest. */
  readonly profileId?: string | undefined
  readonly serial?: number | undefined
  /** Of an event, which is queued once however often this is called. */
  readonly eventId?: string | undefined
  readonly requestId: string
  readonly body: string
}

/** A delivery that nobody else sends until `claimedUntil`, which is its token too. */
export type ClaimedDelivery = {
  readonly id: string
  readonly endpointId: string
  readonly type: string
  readonly profileId: string | null
  readonly serial: number | null
  readonly body: string
  /** This one included. */
  readonly attempts: number
  readonly claimedUntil: Date
}

/** Twice what an attempt may take: who holds a claim that long is no longer sending. */
const LEASE = '30 seconds'

// Of one person only the newest is sent, and not while an older one is under way.
const IS_IN_TURN = `(d.profile_id is null or not exists (
  select 1 from webhook_deliveries o
   where o.endpoint_id = d.endpoint_id and o.profile_id = d.profile_id and o.id <> d.id
     and (o.position > d.position and o.state in ('pending', 'succeeded')
          or o.state = 'pending' and o.claimed_until > clock_timestamp())))`

/** Adds to the queues, in this order; answers the endpoints that have something new. */
export async function enqueueDeliveries(
  tx: Queryable,
  deliveries: readonly NewDelivery[],
): Promise<string[]> {
  if (deliveries.length === 0) return []
  const { rows } = await tx.query<{ endpointId: string }>(
    `insert into webhook_deliveries
       (id, endpoint_id, type, profile_id, serial, event_id, request_id, body)
     select id, endpoint_id, type, profile_id, serial, event_id, request_id, body
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[],
                 $7::text[], $8::text[]) with ordinality
       as new (id, endpoint_id, type, profile_id, serial, event_id, request_id, body, place)
     order by place
     on conflict (endpoint_id, event_id) do nothing
     returning endpoint_id as "endpointId"`,
    [
      deliveries.map(() => randomUUID()),
      deliveries.map(({ endpointId }) => endpointId),
      deliveries.map(({ type }) => type),
      deliveries.map(({ profileId }) => profileId ?? null),
      deliveries.map(({ serial }) => serial ?? null),
      deliveries.map(({ eventId }) => eventId ?? null),
      deliveries.map(({ requestId }) => requestId),
      deliveries.map(({ body }) => body),
    ],
  )
  return [...new Set(rows.map(({ endpointId }) => endpointId))]
}

/**
 * Takes the next delivery that is due; undefined when there is none, when the endpoint is disabled,
 * or its sink paused. One at a time per endpoint, so that no two of one person are ever under way.
 */
export async function claimDelivery(
  tx: Transaction,
  endpointId: string,
): Promise<ClaimedDelivery | undefined> {
  const { rowCount } = await tx.query(
    `select 1 from webhook_endpoints e
      where e.id = $1::uuid and e.state = 'active'
        and not exists (select 1 from paused_sinks s where s.sink = e.name)
        for no key update of e`,
    [endpointId],
  )
  if (rowCount === 0) return undefined
  const { rows } = await tx.query<ClaimedDelivery>(
    `update webhook_deliveries c
        set claimed_until = clock_timestamp() + $2::interval, attempts = c.attempts + 1
      where c.id = (
        select d.id from webhook_deliveries d
         where d.endpoint_id = $1::uuid and d.state = 'pending'
           and d.next_attempt_at <= clock_timestamp()
           and (d.claimed_until is null or d.claimed_until <= clock_timestamp())
           and ${IS_IN_TURN}
         order by d.next_attempt_at, d.position
         limit 1
           for update skip locked)
     returning c.id, c.endpoint_id as "endpointId", c.type, c.profile_id as "profileId", c.serial,
       c.body, c.attempts, c.claimed_until as "claimedUntil"`,
    [endpointId, LEASE],
  )
  return rows[0]
}

/** Milliseconds until something is due, 0 for now; undefined when nothing waits. */
export async function findNextDue(db: Queryable, endpointId: string): Promise<number | undefined> {
  const { rows } = await db.query<{ ms: number | null }>(
    `select (extract(epoch from min(greatest(d.next_attempt_at, d.claimed_until, (
              select max(o.claimed_until) from webhook_deliveries o
               where o.endpoint_id = d.endpoint_id and o.profile_id = d.profile_id
                 and o.state = 'pending'))) - clock_timestamp()) * 1000)::float8 as ms
       from webhook_deliveries d
       join webhook_endpoints e on e.id = d.endpoint_id and e.state = 'active'
      where d.endpoint_id = $1::uuid and d.state = 'pending'
        and not exists (select 1 from paused_sinks s where s.sink = e.name)`,
    [endpointId],
  )
  const ms = rows[0]?.ms ?? null
  return ms === null ? undefined : Math.max(Math.ceil(ms), 0)
}

/**
 * Ends what waits though a newer one of the same person was queued after it, and is not under way:
 * the newer one has all that it would say. At sinks its change is superseded too. Answers what was
 * ended.
 */
export async function supersedeOlder(
  tx: Queryable,
  which: { readonly endpointId?: string; readonly profileId?: string },
): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `with replaced as (
       update webhook_deliveries d
          set state = 'superseded', claimed_until = null, settled_at = clock_timestamp()
        where ($1::uuid is null or d.endpoint_id = $1::uuid)
          and ($2::uuid is null or d.profile_id = $2::uuid)
          and d.state = 'pending' and d.profile_id is not null
          and (d.claimed_until is null or d.claimed_until <= clock_timestamp())
          and exists (
            select 1 from webhook_deliveries o
             where o.endpoint_id = d.endpoint_id and o.profile_id = d.profile_id
               and o.position > d.position and o.state in ('pending', 'succeeded'))
       returning d.id, d.endpoint_id, d.serial
     ), booked as (
       update change_deliveries c
          set state = 'superseded', error_code = null, updated_at = clock_timestamp()
         from replaced r join webhook_endpoints e on e.id = r.endpoint_id
        where c.sink = e.name and c.serial = r.serial and c.state = 'pending'
     )
     select id from replaced`,
    [which.endpointId ?? null, which.profileId ?? null],
  )
  return rows.map(({ id }) => id)
}
