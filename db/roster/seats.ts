import { randomUUID } from 'node:crypto'
import type { SeatState } from '../../core/roster/seats.ts'
import type { Queryable } from '../client.ts'
import { listProducts, lockSeatPool, noteAssigned, type SeatPoolKey } from './seat-pools.ts'
import { settlePool, type SeatCounts } from './seat-settlement.ts'
import type { RosterRun } from './runs.ts'
import { prepareSets } from './sets.ts'

export type SeatedRun = Pick<RosterRun, 'id' | 'tenant' | 'providerId' | 'requestId'>

export type SeatMoment = {
  readonly now: Date
  /** The calendar day in the provider's time zone. */
  readonly today: string
}

/**
 * Brings the seats of every product of the run's tenant in line with the provider's roster as it was
 * last applied: releases first, then whoever waits or is new, in order, whoever fits. Nothing is
 * written where nothing changes. The pools stay locked until the transaction ends.
 */
export async function allocateSeats(
  tx: Queryable,
  run: SeatedRun,
  { now, today }: SeatMoment,
): Promise<void> {
  const { tenant, providerId, id: runId } = run
  await prepareSets(tx)
  for (const product of await listProducts(tx, tenant)) {
    const pool = await lockSeatPool(tx, { tenant, product })
    if (!pool) continue
    const counts = await settlePool(tx, pool, { providerId, runId, now, today })
    await noteAssigned(tx, { tenant, product, assigned: counts.assigned })
    if (hasEffects(counts)) await insertSeatsEvent(tx, run, { product, counts })
  }
}

function hasEffects({ granted, restored, releasing, released }: SeatCounts): boolean {
  return granted + restored + releasing + released > 0
}

async function insertSeatsEvent(
  tx: Queryable,
  { id: runId, tenant, providerId, requestId }: SeatedRun,
  { product, counts }: { readonly product: string; readonly counts: SeatCounts },
): Promise<void> {
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     values ($1::uuid, 'roster.seats-changed', $2::text, $3::jsonb, $4::text)`,
    [
      randomUUID(),
      `roster-runs/${runId}`,
      JSON.stringify({ syncId: runId, tenant, product, providerId, ...counts }),
      requestId,
    ],
  )
}

export type SeatItem = {
  readonly providerId: string
  readonly userId: string
  readonly externalId: string
  readonly school: string
  readonly enrolledAt: Date
  readonly priority: number
  readonly state: SeatState
  readonly releaseAt: Date | null
  readonly overUntil: Date | null
}

/** Where a page of seats ends. */
export type SeatPosition = {
  readonly isWaiting: boolean
  readonly priority: number
  readonly enrolledAt: string
  readonly externalId: string
  readonly providerId: string
  readonly userId: string
}

const SEAT_COLUMNS = `provider_id as "providerId", user_id as "userId",
  external_id as "externalId", school, enrolled_at as "enrolledAt", priority, state,
  release_at as "releaseAt", over_until as "overUntil"`

/** A page of a pool's seats: who holds one, then who waits; both in the order of the queue. */
export async function listSeats(
  db: Queryable,
  { tenant, product }: SeatPoolKey,
  { after, limit }: { readonly after: SeatPosition | undefined; readonly limit: number },
): Promise<SeatItem[]> {
  const { rows } = await db.query<SeatItem>(
    `select ${SEAT_COLUMNS} from seats
     where tenant = $1::text and product = $2::text
       and ($3::boolean is null
         or ((state = 'waiting'), priority, enrolled_at, external_id, provider_id, user_id)
           > ($3::boolean, $4::integer, $5::timestamptz, $6::text, $7::uuid, $8::text))
     order by (state = 'waiting'), priority, enrolled_at, external_id, provider_id, user_id
     limit $9::integer`,
    [
      tenant,
      product,
      after?.isWaiting ?? null,
      after?.priority ?? null,
      after?.enrolledAt ?? null,
      after?.externalId ?? null,
      after?.providerId ?? null,
      after?.userId ?? null,
      limit,
    ],
  )
  return rows
}

export type SchoolSeats = {
  readonly school: string
  /** As a roster of the tenant has it; null for a school of which there is none. */
  readonly name: string | null
  readonly reserved: number
  readonly active: number
  readonly releasing: number
  readonly waiting: number
}

/** The seats of a pool by school, with the schools that have a reservation and no seat. */
export async function listSchoolSeats(
  db: Queryable,
  { tenant, product }: SeatPoolKey,
): Promise<SchoolSeats[]> {
  const { rows } = await db.query<SchoolSeats>(
    `with reserved as (
       select r.key collate "C" as school, r.value::integer as places
       from seat_pools p cross join lateral jsonb_each_text(p.settings -> 'reservations') r
       where p.tenant = $1::text and p.product = $2::text
     ), counted as (
       select school, count(*) filter (where state = 'active') as active,
         count(*) filter (where state = 'releasing') as releasing,
         count(*) filter (where state = 'waiting') as waiting
       from seats where tenant = $1::text and product = $2::text
       group by school
     )
     select school,
       (select min(n.record ->> 'name') from roster_records n
        where n.collection = 'schools' and n.id = school collate "default" and n.provider_id in (
          select id from roster_providers where tenant = $1::text and removed_at is null
        )) as name,
       coalesce(r.places, 0) as reserved, coalesce(c.active, 0) as active,
       coalesce(c.releasing, 0) as releasing, coalesce(c.waiting, 0) as waiting
     from reserved r full join counted c using (school)
     order by school`,
    [tenant, product],
  )
  return rows
}

export type EntitlementChange = {
  /** The source's id. */
  readonly id: string
  readonly scimId: string
  readonly externalId: string
  /** The products that the person may use, sorted. */
  readonly entitlements: string[]
}

/**
 * The accounts of a provider that the target was told other products of than they may use, by id:
 * those of which they hold a seat, also one that is being released, or wait for one within the grace.
 */
export async function listEntitlementChanges(
  db: Queryable,
  providerId: string,
  page: { readonly afterId?: string | undefined; readonly limit: number; readonly now: Date },
): Promise<EntitlementChange[]> {
  const { rows } = await db.query<EntitlementChange>(
    `select a.id, a.scim_id as "scimId", a.external_id as "externalId", s.products as entitlements
     from roster_accounts a
     cross join lateral (
       select coalesce(array_agg(product order by product collate "C"), '{}') as products
       from seats
       where provider_id = a.provider_id and user_id = a.id
         and (state in ('active', 'releasing') or over_until > $4::timestamptz)
     ) s
     where a.provider_id = $1::uuid and ($2::text is null or a.id > $2::text)
       and a.entitlements <> s.products
     order by a.id
     limit $3::integer`,
    [providerId, page.afterId ?? null, page.limit, page.now],
  )
  return rows
}

/** Notes what the target was told of some accounts. */
export async function noteEntitlements(
  tx: Queryable,
  providerId: string,
  told: readonly Pick<EntitlementChange, 'id' | 'entitlements'>[],
): Promise<void> {
  await tx.query(
    `update roster_accounts a
     set entitlements = array(select jsonb_array_elements_text(t.entitlements))
     from jsonb_to_recordset($2::jsonb) as t (id text, entitlements jsonb)
     where a.provider_id = $1::uuid and a.id = t.id`,
    [providerId, JSON.stringify(told.map(({ id, entitlements }) => ({ id, entitlements })))],
  )
}
