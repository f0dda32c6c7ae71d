import type { Profile } from '../../core/profile/document.ts'
import type { SinkDelivery } from '../../core/profile/sink.ts'
import type { Queryable, Transaction } from '../client.ts'

/** A table for consumers, with one row per person. */
export type Replica = { readonly db: Queryable; readonly table: string }

export type ReplicaRow = {
  readonly profile: Profile
  /** The columns that stand beside it for whoever searches. */
  readonly columns: ReplicaColumns
  readonly serial: number
  readonly isDeleted: boolean
}

/** What of a profile has a column of its own; null where the table's readers may not see it. */
export type ReplicaColumns = {
  readonly uuid: unknown
  readonly primary_email: unknown
  readonly primary_username: unknown
  readonly active: unknown
}

/** Names that need no quotes; a schema may stand before the table. */
export const replicaTableName = /^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/

/**
 * Makes the table, and beside it the one that remembers what was removed, so that nothing older
 * brings it back. Safe from many processes at once.
 */
export async function createReplica(tx: Transaction, table: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('replica:' || $1::text, 0))`, [
    table,
  ])
  await tx.query(
    `create table if not exists ${table} (
       user_id text primary key,
       uuid text,
       primary_email text,
       primary_username text,
       active boolean,
       version bigint not null,
       updated_at timestamptz(3) not null,
       profile jsonb not null
     )`,
  )
  await tx.query(
    `create table if not exists ${table}_removed (
       user_id text primary key,
       version bigint not null
     )`,
  )
}

/** What the table has of a person: a row, a mark of their removal, or nothing. */
export async function findReplicaRow(
  { db, table }: Replica,
  userId: string,
): Promise<ReplicaRow | undefined> {
  const { rows } = await db.query<ReplicaRow>(
    `select profile, json_build_object('uuid', uuid, 'primary_email', primary_email,
         'primary_username', primary_username, 'active', active) as columns,
       version as serial, false as "isDeleted"
       from ${table} where user_id = $1::text
     union all
     select null, null, version, true from ${table}_removed where user_id = $1::text
     order by serial desc
     limit 1`,
    [userId],
  )
  return rows[0]
}

/** Writes a person's row unless the table knows of something newer. */
export async function saveReplicaRow(
  { db, table }: Replica,
  delivery: Pick<SinkDelivery, 'userId' | 'serial' | 'updatedAt' | 'profile'>,
): Promise<void> {
  const { userId, serial, updatedAt, profile } = delivery
  const { uuid, primary_email, primary_username, active } = listReplicaColumns(profile)
  await db.query(
    `with back as (
       delete from ${table}_removed where user_id = $1::text and version < $6::bigint
     )
     insert into ${table} as t
       (user_id, uuid, primary_email, primary_username, active, version, updated_at, profile)
     select $1::text, $2::text, $3::text, $4::text, $5::boolean, $6::bigint, $7::timestamptz, $8::jsonb
      where not exists (
        select 1 from ${table}_removed where user_id = $1::text and version >= $6::bigint)
     on conflict (user_id) do update
        set uuid = excluded.uuid, primary_email = excluded.primary_email,
            primary_username = excluded.primary_username, active = excluded.active,
            version = excluded.version, updated_at = excluded.updated_at, profile = excluded.profile
      where t.version <= excluded.version`,
    [
      userId,
      uuid,
      primary_email,
      primary_username,
      active,
      serial,
      updatedAt,
      JSON.stringify(profile),
    ],
  )
}

/** Removes a person's row unless it is newer, and remembers that. */
export async function removeReplicaRow(
  { db, table }: Replica,
  { userId, serial }: Pick<SinkDelivery, 'userId' | 'serial'>,
): Promise<void> {
  await db.query(
    `with gone as (
       delete from ${table} where user_id = $1::text and version <= $2::bigint
     )
     insert into ${table}_removed as t (user_id, version) values ($1::text, $2::bigint)
     on conflict (user_id) do update set version = greatest(t.version, excluded.version)`,
    [userId, serial],
  )
}

/** What the columns of a profile should hold. */
export function listReplicaColumns(profile: Profile): ReplicaColumns {
  return {
    uuid: valueOf(profile, 'uuid'),
    primary_email: valueOf(profile, 'primary_email'),
    primary_username: valueOf(profile, 'primary_username'),
    active: valueOf(profile, 'active'),
  }
}

// An attribute that the sink may not see is missing from the document.
function valueOf(profile: Profile, name: string): unknown {
  const attribute = profile[name]
  if (typeof attribute !== 'object' || !Object.hasOwn(attribute, 'value')) return null
  return (attribute as { value: unknown }).value
}
