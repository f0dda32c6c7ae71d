import type { Profile } from '../../core/profile/document.ts'
import type { Queryable, Transaction } from '../client.ts'
import type { PersonBehind } from './sinks.ts'

export type DriftKind = 'different' | 'missing' | 'extra' | 'failed'

/** The report on how a sink compares with the vault. */
export type Reconcile = {
  readonly id: string
  readonly sink: string
  readonly repair: boolean
  readonly state: 'running' | 'succeeded' | 'failed'
  readonly same: number
  readonly different: number
  readonly missing: number
  readonly extra: number
  readonly failed: number
  readonly startedAt: Date
  readonly endedAt: Date | null
}

export type Drift = { readonly profileId: string; readonly kind: DriftKind }

/** A person as they should be at a sink. */
export type PersonAtSink = {
  readonly profileId: string
  readonly userId: string
  readonly profile: Profile
  readonly isDeleted: boolean
  readonly serial: number
  readonly updatedAt: Date
}

const COLUMNS = `id, sink, repair, state, same::integer, different::integer, missing::integer,
  extra::integer, failed::integer, started_at as "startedAt", ended_at as "endedAt"`

/** Opens a report; undefined while another of this sink is running. */
export async function insertReconcile(
  tx: Transaction,
  reconcile: {
    readonly id: string
    readonly sink: string
    readonly repair: boolean
    readonly startedBy: string
  },
): Promise<Reconcile | undefined> {
  const { rows } = await tx.query<Reconcile>(
    `insert into sink_reconciles (id, sink, repair, started_by)
     values ($1::uuid, $2::text, $3::boolean, $4::text)
     on conflict (sink) where state = 'running' do nothing
     returning ${COLUMNS}`,
    [reconcile.id, reconcile.sink, reconcile.repair, reconcile.startedBy],
  )
  return rows[0]
}

/** One report. */
export async function findReconcile(
  db: Queryable,
  key: { readonly id: string; readonly sink: string },
): Promise<Reconcile | undefined> {
  const { rows } = await db.query<Reconcile>(
    `select ${COLUMNS} from sink_reconciles where id = $1::uuid and sink = $2::text`,
    [key.id, key.sink],
  )
  return rows[0]
}

/** The newest report of a sink. */
export async function findLatestReconcile(
  db: Queryable,
  sink: string,
): Promise<Reconcile | undefined> {
  const { rows } = await db.query<Reconcile>(
    `select ${COLUMNS} from sink_reconciles where sink = $1::text
      order by started_at desc limit 1`,
    [sink],
  )
  return rows[0]
}

/** A page of a report's differences, by person. */
export async function listDrifts(
  db: Queryable,
  page: { readonly id: string; readonly after: string | undefined; readonly limit: number },
): Promise<Drift[]> {
  const { rows } = await db.query<Drift>(
    `select profile_id as "profileId", kind from sink_drifts
      where reconcile_id = $1::uuid and ($2::uuid is null or profile_id > $2::uuid)
      order by profile_id
      limit $3::integer`,
    [page.id, page.after ?? null, page.limit],
  )
  return rows
}

/** A page of persons of whom the sink should have the newest state; those under way are left out. */
export async function listPersonsAtSink(
  db: Queryable,
  page: { readonly sink: string; readonly after: string | undefined; readonly limit: number },
): Promise<PersonAtSink[]> {
  const { rows } = await db.query<PersonAtSink>(
    `select p.id as "profileId", p.user_id as "userId", p.document as profile,
       p.deleted_at is not null as "isDeleted", p.serial, p.updated_at as "updatedAt"
     from profiles p
     left join sink_deliveries f on f.profile_id = p.id and f.sink = $1::text
     where ($2::uuid is null or p.id > $2::uuid)
       and (f.serial >= p.serial or p.updated_at < now() - interval '2 minutes')
     order by p.id
     limit $3::integer`,
    [page.sink, page.after ?? null, page.limit],
  )
  return rows
}

/**
 * Of these persons those who are still as they were listed and whom nobody is changing now; they stay
 * so until the transaction ends.
 */
export async function lockUnchanged(
  tx: Transaction,
  persons: readonly PersonBehind[],
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from profiles
      where (id, serial) in (select * from unnest($1::uuid[], $2::bigint[]))
      order by id
        for no key update skip locked`,
    [persons.map(({ profileId }) => profileId), persons.map(({ serial }) => serial)],
  )
  return new Set(rows.map(({ id }) => id))
}

/** Adds a page to a report, once however often it is done. */
export async function bookReconciled(
  tx: Transaction,
  id: string,
  page: {
    readonly compared: number
    readonly lastId: string | undefined
    readonly drifts: readonly Drift[]
  },
): Promise<void> {
  await tx.query(
    `insert into sink_drifts (reconcile_id, profile_id, kind)
     select $1::uuid, profile_id, kind from unnest($2::uuid[], $3::text[]) as d (profile_id, kind)
     on conflict (reconcile_id, profile_id) do update set kind = excluded.kind`,
    [id, page.drifts.map(({ profileId }) => profileId), page.drifts.map(({ kind }) => kind)],
  )
  await tx.query(
    `update sink_reconciles r
        set same = same + case when r.last_profile_id >= $3::uuid then 0 else $2::integer end,
            last_profile_id = greatest(r.last_profile_id, $3::uuid),
            different = counted.different, missing = counted.missing, extra = counted.extra,
            failed = counted.failed
       from (
         select count(*) filter (where kind = 'different') as different,
           count(*) filter (where kind = 'missing') as missing,
           count(*) filter (where kind = 'extra') as extra,
           count(*) filter (where kind = 'failed') as failed
         from sink_drifts where reconcile_id = $1::uuid
       ) counted
      where r.id = $1::uuid`,
    [id, page.compared - page.drifts.length, page.lastId ?? null],
  )
}

/**
 * Forgets what is known to be at a sink of these persons and opens their newest change there again, so
 * that it is brought there anew. One that has failed for good waits for its redrive.
 */
export async function lowerFences(
  tx: Transaction,
  sink: string,
  persons: readonly PersonBehind[],
): Promise<void> {
  const ids = persons.map(({ profileId }) => profileId)
  await tx.query(
    `update sink_deliveries set serial = 0 where sink = $1::text and profile_id = any ($2::uuid[])`,
    [sink, ids],
  )
  await tx.query(
    `insert into change_deliveries as d (serial, sink, profile_id, state, redriven_at)
     select serial, $1::text, profile_id, 'pending', clock_timestamp()
       from unnest($2::uuid[], $3::bigint[]) as person (profile_id, serial)
     on conflict (serial, sink) do update
        set state = 'pending', redriven_at = excluded.redriven_at, updated_at = clock_timestamp()
      where d.state <> 'failed'`,
    [sink, ids, persons.map(({ serial }) => serial)],
  )
}

/** Ends a report. */
export async function endReconcile(
  tx: Queryable,
  id: string,
  state: 'succeeded' | 'failed',
): Promise<void> {
  await tx.query(
    `update sink_reconciles set state = $2::text, ended_at = now()
      where id = $1::uuid and state = 'running'`,
    [id, state],
  )
}
