import type { ProviderSettings } from '../../core/roster/provider.ts'
import type { RosterKind } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'

export type RosterProvider = {
  readonly id: string
  readonly tenant: string
  readonly kind: RosterKind
  readonly settings: ProviderSettings
  /** Counts changes of the settings. */
  readonly version: number
  /** The version that last changed what is read, or what is to be of it at the target. */
  readonly rosterVersion: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly removedAt: Date | null
  /** Nothing starts by itself. */
  readonly isPaused: boolean
  /** A webhook asked for a run that could not start at once. */
  readonly wakeAt: Date | null
  readonly skippedStarts: number
  /** Where the next incremental run begins; null: only a full one will do. */
  readonly cursor: string | null
  readonly cursorAt: Date | null
  readonly fullAt: Date | null
  readonly fullVersion: number | null
}

type Key = { readonly tenant: string; readonly id: string }
type Position = { readonly createdAt: string; readonly id: string }

const COLUMNS = `id, tenant, kind, settings, version, created_at as "createdAt",
  updated_at as "updatedAt", removed_at as "removedAt", is_paused as "isPaused",
  wake_at as "wakeAt", skipped_starts as "skippedStarts", cursor, cursor_at as "cursorAt",
  full_at as "fullAt", full_version as "fullVersion",
  roster_version as "rosterVersion"`

/** Lets changes of one tenant's providers follow each other until the transaction ends. */
export async function lockTenant(tx: Queryable, tenant: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
    JSON.stringify(['roster-tenant', tenant]),
  ])
}

/** Adds a provider and answers it as it is stored. */
export async function insertRosterProvider(
  tx: Queryable,
  provider: Key & { readonly settings: ProviderSettings },
): Promise<RosterProvider> {
  const { rows } = await tx.query<RosterProvider>(
    `insert into roster_providers (id, tenant, kind, settings)
     values ($1::uuid, $2::text, $3::text, $4::jsonb)
     returning ${COLUMNS}`,
    [provider.id, provider.tenant, provider.settings.kind, JSON.stringify(provider.settings)],
  )
  return rows[0] as RosterProvider // what was inserted
}

/** The tenant's provider, unless it was removed. */
export async function findRosterProvider(
  db: Queryable,
  { tenant, id }: Key,
): Promise<RosterProvider | undefined> {
  const { rows } = await db.query<RosterProvider>(
    `select ${COLUMNS} from roster_providers
     where id = $1::uuid and tenant = $2::text and removed_at is null`,
    [id, tenant],
  )
  return rows[0]
}

/** The provider with this id, also one that was removed. */
export async function findAnyRosterProvider(
  db: Queryable,
  id: string,
): Promise<RosterProvider | undefined> {
  const { rows } = await db.query<RosterProvider>(
    `select ${COLUMNS} from roster_providers where id = $1::uuid`,
    [id],
  )
  return rows[0]
}

/** The provider unless it was removed, its row locked until the transaction ends. */
export async function lockRosterProvider(
  tx: Queryable,
  id: string,
): Promise<RosterProvider | undefined> {
  const { rows } = await tx.query<RosterProvider>(
    `select ${COLUMNS} from roster_providers
     where id = $1::uuid and removed_at is null for update`,
    [id],
  )
  return rows[0]
}

/** A tenant's providers, the oldest first. */
export async function listRosterProviders(
  db: Queryable,
  page: { readonly tenant: string; readonly after?: Position | undefined; readonly limit: number },
): Promise<RosterProvider[]> {
  const { rows } = await db.query<RosterProvider>(
    `select ${COLUMNS} from roster_providers
     where tenant = $1::text and removed_at is null
       and ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
     order by created_at, id
     limit $4::integer`,
    [page.tenant, page.after?.createdAt ?? null, page.after?.id ?? null, page.limit],
  )
  return rows
}

/** Every tenant's providers that may start by themselves. */
export async function listScheduledProviders(
  db: Queryable,
): Promise<Pick<RosterProvider, 'id' | 'kind' | 'settings' | 'isPaused'>[]> {
  const { rows } = await db.query<RosterProvider>(
    `select id, kind, settings, is_paused as "isPaused" from roster_providers
     where removed_at is null order by id`,
  )
  return rows
}

/** Changes with every provider that is added, changed, paused or removed. */
export async function readProvidersMark(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ mark: string }>(
    `select concat_ws('/', count(*), max(updated_at), sum(version)) as mark from roster_providers`,
  )
  return rows[0]?.mark ?? ''
}

/** True for a tenant that has, or had, providers or settings of webhooks. */
export async function isKnownTenant(db: Queryable, tenant: string): Promise<boolean> {
  const { rows } = await db.query<{ known: boolean }>(
    `select exists (select from roster_providers where tenant = $1::text)
       or exists (select from roster_webhooks where tenant = $1::text) as known`,
    [tenant],
  )
  return rows[0]?.known ?? false
}

/** Replaces the settings; undefined unless the provider is still of this version. */
export async function updateRosterProvider(
  tx: Queryable,
  change: Key & {
    readonly version: number
    readonly settings: ProviderSettings
    /** True where what is read changes, or what is to be of it at the target. */
    readonly isOtherRoster: boolean
  },
): Promise<RosterProvider | undefined> {
  const { rows } = await tx.query<RosterProvider>(
    `update roster_providers
     set settings = $4::jsonb, kind = $5::text, version = version + 1,
       roster_version = case when $6::boolean then version + 1 else roster_version end,
       updated_at = clock_timestamp()
     where id = $1::uuid and tenant = $2::text and version = $3::integer and removed_at is null
     returning ${COLUMNS}`,
    [
      change.id,
      change.tenant,
      change.version,
      JSON.stringify(change.settings),
      change.settings.kind,
      change.isOtherRoster,
    ],
  )
  return rows[0]
}

/** Pauses the provider or lets it go on; undefined where there is none. */
export async function setProviderPaused(
  tx: Queryable,
  { tenant, id, isPaused }: Key & { readonly isPaused: boolean },
): Promise<RosterProvider | undefined> {
  const { rows } = await tx.query<RosterProvider>(
    `update roster_providers set is_paused = $3::boolean, updated_at = clock_timestamp()
     where id = $1::uuid and tenant = $2::text and removed_at is null
     returning ${COLUMNS}`,
    [id, tenant, isPaused],
  )
  return rows[0]
}

/** Removes the provider; its runs and what it applied stay. False where there is none. */
export async function removeRosterProvider(tx: Queryable, { tenant, id }: Key): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update roster_providers
     set removed_at = clock_timestamp(), updated_at = clock_timestamp(), wake_at = null
     where id = $1::uuid and tenant = $2::text and removed_at is null`,
    [id, tenant],
  )
  return rowCount === 1
}

/** Counts a start that fell into a pause. */
export async function countSkippedStart(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    'update roster_providers set skipped_starts = skipped_starts + 1 where id = $1::uuid',
    [id],
  )
}

/** Notes that a run is wanted, or (with null) that it is not any more. */
export async function setProviderWake(tx: Queryable, id: string, at: Date | null): Promise<void> {
  await tx.query(
    `update roster_providers
     set wake_at = case when $2::timestamptz is null then null else coalesce(wake_at, $2::timestamptz) end
     where id = $1::uuid and wake_at is distinct from $2::timestamptz`,
    [id, at],
  )
}
