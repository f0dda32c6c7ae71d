import { webhooksLane } from '../../core/profile/lanes.ts'
import type { Queryable } from '../client.ts'
import type { RedriveFilter, SinkStatus } from '../profile/sinks.ts'

/** The endpoint of a sink, as an operator lets it go on. */
export type RevivedEndpoint = { readonly id: string; readonly wasDisabled: boolean }

/** Dead deliveries of one endpoint that are tried again. */
export type Redriven = {
  readonly endpointId: string
  readonly sink: string
  readonly count: number
}

/** The state of these sinks of kind webhook, in their order; behind are persons with news to tell. */
export async function listWebhookSinkStatuses(
  db: Queryable,
  sinks: readonly string[],
): Promise<SinkStatus[]> {
  const { rows } = await db.query<SinkStatus>(
    `select s.sink, paused.paused_at as "pausedAt",
       coalesce(e.state = 'disabled', false) as "isDisabled",
       (select count(*)::integer
          from (select d.profile_id from webhook_deliveries d
                 where d.endpoint_id = e.id and d.state = 'pending' and d.profile_id is not null
                union
                select p.id from profiles p
                  join profile_changes c on c.serial = p.serial and s.sink = any (c.sinks)
                  left join sink_deliveries f on f.profile_id = p.id and f.sink = $2::text
                 where p.serial > coalesce(f.serial, 0)) as waiting) as behind,
       (select count(*)::integer from dead_letters l where l.sink = s.sink) as "deadLetters"
     from unnest($1::text[]) with ordinality as s (sink, position)
     left join paused_sinks paused on paused.sink = s.sink
     left join webhook_endpoints e on e.name = s.sink
     order by s.position`,
    [sinks, webhooksLane.sink],
  )
  return rows
}

/** Lets a disabled endpoint of a sink be tried again; undefined while nothing was ever sent there. */
export async function reviveSinkEndpoint(
  tx: Queryable,
  name: string,
): Promise<RevivedEndpoint | undefined> {
  const { rows } = await tx.query<RevivedEndpoint>(
    `with known as (
       select id, state from webhook_endpoints where name = $1::text for no key update
     )
     update webhook_endpoints e
        set state = 'active', disabled_reason = null,
            failing_since = case when known.state = 'active' then e.failing_since end,
            version = e.version + (known.state = 'disabled')::integer
       from known
      where e.id = known.id
     returning e.id, known.state = 'disabled' as "wasDisabled"`,
    [name],
  )
  return rows[0]
}

/**
 * Opens dead letters of sinks of kind webhook for as many attempts as at first, and their endpoints
 * where those are disabled.
 */
export async function redriveDeliveries(
  tx: Queryable,
  filter: RedriveFilter,
  limit: number,
): Promise<Redriven[]> {
  const { rows } = await tx.query<Redriven>(
    `with taken as (
       delete from dead_letters
        where id in (
          select id from dead_letters
           where delivery_id is not null
             and ($1::uuid is null or id = $1::uuid) and ($2::text is null or sink = $2::text)
           order by at, id
           limit $3::integer
             for update skip locked
        )
       returning sink, serial, delivery_id
     ), opened as (
       update change_deliveries d
          set state = 'pending', redriven_at = clock_timestamp(), updated_at = clock_timestamp()
         from taken
        where d.serial = taken.serial and d.sink = taken.sink and d.state = 'failed'
     ), queued as (
       update webhook_deliveries d
          set state = 'pending', attempts = 0, error_code = null, settled_at = null,
              next_attempt_at = clock_timestamp()
         from taken
        where d.id = taken.delivery_id and d.state = 'failed'
       returning d.endpoint_id, taken.sink
     ), revived as (
       update webhook_endpoints
          set state = 'active', disabled_reason = null, failing_since = null, version = version + 1
        where id in (select endpoint_id from queued) and state = 'disabled'
     )
     select endpoint_id as "endpointId", sink, count(*)::integer as count
       from queued group by endpoint_id, sink`,
    ['id' in filter ? filter.id : null, 'sink' in filter ? filter.sink : null, limit],
  )
  return rows
}
