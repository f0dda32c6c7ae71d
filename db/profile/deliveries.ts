import type { Profile } from '../../core/profile/document.ts'
import type { Queryable, Transaction } from '../client.ts'

/** One person's lane at one sink. */
export type LaneKey = { readonly profileId: string; readonly sink: string }

/** The newest state of a person, and how far their lane is. */
export type LaneSnapshot = {
  readonly userId: string
  readonly profile: Profile
  readonly isDeleted: boolean
  readonly serial: number
  readonly updatedAt: Date
  /** The newest serial known to be at the sink; 0 for none. */
  readonly fence: number
  /** How long ago something was brought there; null for never. */
  readonly restedMs: number | null
  readonly isPaused: boolean
  /** Failed attempts at the newest serial so far. */
  readonly attempts: number
  /** The newest serial has failed for good here, or was settled in another way. */
  readonly isSettled: boolean
}

/** Takes a lane for the transaction; false while another delivery has it. */
export async function tryLockLane(tx: Transaction, key: LaneKey): Promise<boolean> {
  const { rows } = await tx.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1::text, 0)) as locked',
    [`lane:${key.profileId}:${key.sink}`],
  )
  return rows[0]?.locked === true
}

/** What is to be delivered now; undefined for a person who was purged. */
export async function findLaneSnapshot(
  db: Queryable,
  key: LaneKey,
): Promise<LaneSnapshot | undefined> {
  const { rows } = await db.query<LaneSnapshot>(
    `select p.user_id as "userId", p.document as profile, p.deleted_at is not null as "isDeleted",
       p.serial, p.updated_at as "updatedAt", coalesce(f.serial, 0) as fence,
       (extract(epoch from clock_timestamp() - f.delivered_at) * 1000)::float8 as "restedMs",
       exists (select 1 from paused_sinks s where s.sink = $2::text) as "isPaused",
       coalesce(d.attempts, 0) as attempts,
       coalesce(d.state <> 'pending', false) as "isSettled"
     from profiles p
     left join sink_deliveries f on f.profile_id = p.id and f.sink = $2::text
     left join change_deliveries d on d.serial = p.serial and d.sink = $2::text
     where p.id = $1::uuid`,
    [key.profileId, key.sink],
  )
  return rows[0]
}

/** Moves the fence up and settles everything up to the serial: the newest succeeded, or was overtaken too. */
export async function settleDelivered(
  tx: Queryable,
  key: LaneKey,
  settled: { readonly serial: number; readonly fence: number; readonly isOvertaken: boolean },
): Promise<void> {
  await tx.query(
    `insert into sink_deliveries as f (profile_id, sink, serial, delivered_at)
     values ($1::uuid, $2::text, $3::bigint, clock_timestamp())
     on conflict (profile_id, sink) do update
        set serial = greatest(f.serial, excluded.serial), delivered_at = excluded.delivered_at`,
    [key.profileId, key.sink, settled.serial],
  )
  await settleOlder(tx, key, settled)
  const state = settled.isOvertaken ? 'superseded' : 'succeeded'
  await settleOne(tx, key, { serial: settled.serial, state, code: null })
}

/** Settles the newest serial as failed, with a dead letter, and everything before it as part of it. */
export async function settleFailed(
  tx: Queryable,
  key: LaneKey,
  failed: { readonly serial: number; readonly fence: number; readonly code: string },
): Promise<void> {
  await settleOlder(tx, key, failed)
  await settleOne(tx, key, { serial: failed.serial, state: 'failed', code: failed.code })
  await tx.query(
    `insert into dead_letters (sink, profile_id, serial, code, attempts)
     select sink, profile_id, serial, error_code, attempts from change_deliveries
      where serial = $1::bigint and sink = $2::text and state = 'failed'
     on conflict (sink, serial) do update
        set code = excluded.code, attempts = excluded.attempts, at = clock_timestamp()`,
    [failed.serial, key.sink],
  )
}

/** Books a failed attempt at the newest serial, which stays pending. */
export async function bookAttempt(
  tx: Queryable,
  key: LaneKey,
  attempt: { readonly serial: number; readonly code: string },
): Promise<void> {
  await tx.query(
    `insert into change_deliveries as d (serial, sink, profile_id, state, attempts, error_code)
     values ($1::bigint, $2::text, $3::uuid, 'pending', 1, $4::text)
     on conflict (serial, sink) do update
        set attempts = d.attempts + 1, error_code = excluded.error_code,
            updated_at = clock_timestamp()
      where d.state = 'pending'`,
    [attempt.serial, key.sink, key.profileId, attempt.code],
  )
}

/** For how many seconds the newest serial has been on its way to the sink, since it was last asked for. */
export async function getDeliveryAge(
  db: Queryable,
  key: LaneKey & { readonly serial: number },
): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>(
    `select extract(epoch from clock_timestamp() - coalesce(d.redriven_at, c.committed_at))::float8
              as seconds
       from profile_changes c
       left join change_deliveries d on d.serial = c.serial and d.sink = $2::text
      where c.serial = $1::bigint`,
    [key.serial, key.sink],
  )
  return rows[0]?.seconds ?? 0
}

type Settled = {
  readonly serial: number
  readonly state: 'succeeded' | 'superseded' | 'failed'
  readonly code: string | null
}

async function settleOne(tx: Queryable, key: LaneKey, settled: Settled): Promise<void> {
  await tx.query(
    `insert into change_deliveries as d (serial, sink, profile_id, state, attempts, error_code)
     select c.serial, $2::text, c.profile_id, $4::text, 1, $5::text
       from profile_changes c
      where c.serial = $1::bigint and c.profile_id = $3::uuid
     on conflict (serial, sink) do update
        set state = excluded.state, attempts = d.attempts + 1, error_code = excluded.error_code,
            updated_at = clock_timestamp()
      where d.state = 'pending'`,
    [settled.serial, key.sink, key.profileId, settled.state, settled.code],
  )
}

// What came before is contained in what was delivered.
async function settleOlder(
  tx: Queryable,
  key: LaneKey,
  { serial, fence }: { readonly serial: number; readonly fence: number },
): Promise<void> {
  await tx.query(
    `with open as (
       select serial from profile_changes
        where profile_id = $1::uuid and serial > $4::bigint and serial < $3::bigint
          and $2::text = any (sinks)
       union
       select serial from change_deliveries
        where profile_id = $1::uuid and sink = $2::text and state = 'pending'
          and serial < $3::bigint
     )
     insert into change_deliveries as d (serial, sink, profile_id, state)
     select serial, $2::text, $1::uuid, 'superseded' from open
     on conflict (serial, sink) do update
        set state = 'superseded', updated_at = clock_timestamp()
      where d.state = 'pending'`,
    [key.profileId, key.sink, serial, fence],
  )
}
