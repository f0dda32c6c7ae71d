import {
  DEFAULT_PRIORITY,
  keepsWaiting,
  overLimitEnd,
  releaseEnd,
  seatLimit,
} from '../../core/roster/seat-pool.ts'
import type { Queryable } from '../client.ts'
import type { SeatPool } from './seat-pools.ts'

export type SeatSettlement = {
  readonly providerId: string
  readonly runId: string
  readonly now: Date
  /** The calendar day in the provider's time zone. */
  readonly today: string
}

/** How many seats were given, restored, begun to be released, and ended; and what is there now. */
export type SeatCounts = {
  readonly granted: number
  readonly restored: number
  readonly releasing: number
  readonly released: number
  readonly assigned: number
  readonly waiting: number
}

const IN_ORDER = 'priority, enrolled_at, external_id, provider_id, user_id'
const STATE_COLUMNS = `external_id, school, enrolled_at, priority, state, granted_at, release_at,
  over_until`

// Who of the provider's roster qualifies, each person once, by the earliest enrollment that does.
const CLAIMS = `
sections as materialized (
  select id collate "C" as id, (record ->> 'schoolId') collate "C" as school,
    record -> 'grades' as grades
  from roster_records
  where provider_id = $3::uuid and collection = 'sections'
    and ($6::text[] is null or record ->> 'schoolId' = any ($6::text[]))
    and ($8::text[] is null or record ->> 'courseId' = any ($8::text[]))
    and ($10::text[] is null or record -> 'termIds' ?| $10::text[])
),
people as materialized (
  select u.id, u.record -> 'grades' as grades, a.external_id collate "C" as external_id
  from roster_users u
  join roster_accounts a on a.provider_id = u.provider_id and a.id = u.id
  where u.provider_id = $3::uuid and a.is_active and (u.record -> 'isEnabled')::boolean
),
qualifying as (
  select distinct on (e.user_id) e.user_id, p.external_id, s.school, g.grades, t.enrolled_at
  from roster_enrollments e
  join sections s on s.id = e.section_id
  join people p on p.id = e.user_id
  cross join lateral (
    select case when jsonb_array_length(p.grades) > 0 then p.grades else s.grades end as grades
  ) g
  cross join lateral (
    select coalesce(e.begin_date::timestamp at time zone 'UTC', e.seen_at) as enrolled_at
  ) t
  where e.provider_id = $3::uuid
    and (e.begin_date is null or e.begin_date <= $5::date)
    and (e.end_date is null or e.end_date >= $5::date)
    and ($9::text[] is null or e.role = any ($9::text[]))
    and ($7::text[] is null or g.grades ?| $7::text[])
  order by e.user_id, t.enrolled_at, s.school, s.id
),
claims as materialized (
  select $3::uuid as provider_id, q.user_id, q.external_id, q.school, q.enrolled_at,
    coalesce((
      select min(p.priority)
      from jsonb_to_recordset($11::jsonb) as p (grades text[], priority integer)
      where q.grades ?| p.grades
    ), ${DEFAULT_PRIORITY}) as priority
  from qualifying q
)`

// Seats and claims side by side: who wants a seat now, and the state with which the same seat goes on.
const STANDINGS = `
known as materialized (
  select s.*, a.id is not null and r.removed_at is null as has_account,
    coalesce(a.is_active, false) as is_active
  from seats s
  join roster_providers r on r.id = s.provider_id
  left join roster_accounts a on a.provider_id = s.provider_id and a.id = s.user_id
  where s.tenant = $1::text and s.product = $2::text
),
wishes as (
  select provider_id, user_id, coalesce(c.external_id, k.external_id) as external_id,
    coalesce(c.school, k.school) as school, coalesce(c.enrolled_at, k.enrolled_at) as enrolled_at,
    coalesce(c.priority, k.priority) as priority,
    k.state as was, k.granted_at, k.release_at, k.has_account,
    case when $16::timestamptz is not null then k.over_until end as over_until,
    k.over_until is not null as is_over,
    case
      when k.state is null then true
      when not k.has_account then false
      when provider_id = $3::uuid then c.school is not null
      when k.state = 'waiting' then k.is_active
      else k.state = 'active'
    end as wants
  from known k
  full join claims c using (provider_id, user_id)
),
standings as materialized (
  select w.*,
    case
      when was is null or was = 'waiting' or is_over or not has_account
        or release_at <= $4::timestamptz then null
      when wants then 'active'
      when was = 'releasing' or $14::timestamptz > $4::timestamptz then 'releasing'
    end as kept
  from wishes w
)`

// Who of those that want one gets a seat within the limit. A school takes what is reserved for it
// first; beyond that all compete for what nothing is reserved of.
const PLACES = `
reserved as (
  select key collate "C" as school, value::integer as places from jsonb_each_text($12::jsonb)
),
held as (
  select school, count(*)::integer as places from standings
  where kept is not null
  group by school
),
schools as materialized (
  select school, coalesce(r.places, 0) as reserved, coalesce(h.places, 0) as held
  from reserved r full join held h using (school)
),
room as materialized (
  select $13::integer - coalesce(sum(held), 0) as places,
    $13::integer - coalesce(sum(greatest(held, reserved)), 0) as unreserved
  from schools
),
candidates as (
  select s.*, row_number() over (partition by s.school order by ${IN_ORDER})
      <= coalesce(c.reserved - c.held, 0) as is_reserved
  from standings s
  left join schools c using (school)
  where wants and kept is null
),
queue as (
  select c.*, row_number() over (partition by is_reserved order by ${IN_ORDER}) as place
  from candidates c
),
fitting as (
  select provider_id, user_id, row_number() over (order by ${IN_ORDER}) as place
  from queue cross join room
  where is_reserved or place <= room.unreserved
),
seated as materialized (
  select provider_id, user_id, true as has_place
  from fitting cross join room where place <= room.places
)`

// What becomes of each; a state of null: nothing.
const OUTCOMES = `
concluded as (
  select s.*, coalesce(f.has_place, false) as has_place,
    case
      when f.has_place then 'active'
      when kept is not null then kept
      when not wants then null
      when $15::boolean then 'waiting'
    end as state
  from standings s
  left join seated f using (provider_id, user_id)
),
outcomes as materialized (
  select provider_id, user_id, external_id, school, enrolled_at, priority, was, kept, state,
    case
      when state = 'waiting' then null
      when kept is null then $4::timestamptz
      else granted_at
    end as granted_at,
    case when state = 'releasing' then coalesce(release_at, $14::timestamptz) end as release_at,
    case when state = 'waiting' then coalesce(over_until, $16::timestamptz) end as over_until
  from concluded
)`

// Only what differs is written; the audit log hears of releases first.
const WRITES = `
ended as (
  delete from seats s using outcomes o
  where s.tenant = $1::text and s.product = $2::text and s.provider_id = o.provider_id
    and s.user_id = o.user_id and o.state is null
),
written as (
  insert into seats (tenant, product, provider_id, user_id, ${STATE_COLUMNS})
  select $1::text, $2::text, o.provider_id, o.user_id, ${listColumns('o')}
  from outcomes o
  left join known k using (provider_id, user_id)
  where o.state is not null
    and (k.state is null or (${listColumns('o')}) is distinct from (${listColumns('k')}))
  on conflict (tenant, product, provider_id, user_id) do update
    set (${STATE_COLUMNS}) = row(${listColumns('excluded')})
),
effects as materialized (
  select o.*, e.step, e.effect
  from outcomes o
  cross join lateral (values
    (1, 'released', o.was in ('active', 'releasing')
       and (o.kept is null or o.state is null or o.state = 'waiting')),
    (2, 'releasing', o.was = 'active' and o.state = 'releasing'),
    (3, 'restored', o.was = 'releasing' and o.kept = 'active' and o.state = 'active'),
    (4, 'granted', o.kept is null and o.state = 'active')
  ) e (step, effect, is_so)
  where e.is_so
),
audited as (
  insert into audit_entries (actor, action, subject_type, subject_id, cause)
  select 'roster', 'seat.' || effect, 'seat', external_id,
    jsonb_build_object('tenant', $1::text, 'product', $2::text, 'providerId', provider_id,
      'runId', $17::uuid)
  from effects
  order by step, ${IN_ORDER}
)`

/**
 * Brings the seats of a pool in line with the roster that a run of one provider has applied, and
 * writes an audit entry for each seat that is given, restored, released or about to be. The caller
 * holds the pool's lock.
 */
export async function settlePool(
  tx: Queryable,
  { tenant, product, settings }: SeatPool,
  { providerId, runId, now, today }: SeatSettlement,
): Promise<SeatCounts> {
  const { rule, priorities, reservations } = settings
  const { rows } = await tx.query<SeatCounts>(
    `with ${[CLAIMS, STANDINGS, PLACES, OUTCOMES, WRITES].join(',')}
     select
       (select count(*) from effects where effect = 'granted') as granted,
       (select count(*) from effects where effect = 'restored') as restored,
       (select count(*) from effects where effect = 'releasing') as releasing,
       (select count(*) from effects where effect = 'released') as released,
       count(*) filter (where state in ('active', 'releasing')) as assigned,
       count(*) filter (where state = 'waiting') as waiting
     from outcomes`,
    [
      tenant,
      product,
      providerId,
      now,
      today,
      toFilter(rule.schools),
      toFilter(rule.grades),
      toFilter(rule.courses),
      toFilter(rule.roles),
      toFilter(rule.terms),
      JSON.stringify(priorities),
      JSON.stringify(reservations),
      seatLimit(settings),
      releaseEnd(settings, now),
      keepsWaiting(settings),
      overLimitEnd(settings, now) ?? null,
      runId,
    ],
  )
  return rows[0] ?? { granted: 0, restored: 0, releasing: 0, released: 0, assigned: 0, waiting: 0 }
}

function listColumns(alias: string): string {
  return STATE_COLUMNS.split(',')
    .map((column) => `${alias}.${column.trim()}`)
    .join(', ')
}

function toFilter(names: readonly string[] | undefined): readonly string[] | null {
  return names && names.length > 0 ? names : null
}
