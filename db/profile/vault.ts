import type { Profile } from '../../core/profile/document.ts'
import type { Queryable, Transaction } from '../client.ts'

/** A person as the vault keeps them; deleted ones keep their last document until they are purged. */
export type VaultProfile = {
  readonly id: string
  readonly userId: string
  readonly document: Profile
  readonly version: number
  readonly serial: number
  readonly updatedAt: Date
  readonly deletedAt: Date | null
}

/** What a change comes to. */
export type VaultWrite = {
  readonly id: string
  readonly userId: string
  readonly document: Profile
  readonly condition: 'create' | 'update' | 'delete'
  readonly publisher: string
  readonly changed: readonly string[]
  /** Of the version before; undefined where there was nobody. */
  readonly previousSerial: number | undefined
  readonly afterHash: Uint8Array
  readonly actor: string
  readonly requestId: string
  readonly sinks: readonly string[]
  readonly receivedAt: Date
}

export type VaultWritten = {
  readonly serial: number
  readonly version: number
  readonly beforeHash: Buffer | null
}

const COLUMNS = `id, user_id as "userId", document, version::integer as version, serial,
  updated_at as "updatedAt", deleted_at as "deletedAt"`

const CHANGE_COLUMNS = `serial, profile_id, publisher, condition, changed, version, before_hash,
  after_hash, actor, request_id, sinks, received_at`

/** The person with this user id, theirs alone until the transaction ends. */
export async function lockProfile(
  tx: Transaction,
  userId: string,
): Promise<VaultProfile | undefined> {
  const { rows } = await tx.query<VaultProfile>({
    name: 'lock-profile',
    text: `select ${COLUMNS} from profiles where user_id = $1::text for update`,
    values: [userId],
  })
  return rows[0]
}

/** Adds a person with their first change; undefined when somebody else just did. */
export async function insertProfile(
  tx: Transaction,
  write: VaultWrite,
): Promise<VaultWritten | undefined> {
  const { rows } = await tx.query<VaultWritten>({
    name: 'insert-profile',
    text: `with added as (
       insert into profiles
         (id, user_id, uuid, primary_username, primary_email, active, document, version, serial)
       values ($1::uuid, $12::text, $13::text, $14::text, $15::text, $16::boolean, $11::jsonb, 1,
         nextval('profile_serials'))
       on conflict (user_id) do nothing
       returning version, serial
     ), ${RECORDED}
     select serial, version::integer as version, before_hash as "beforeHash" from recorded`,
    values: toValues(write),
  })
  return rows[0]
}

/** Writes the next version of a locked person with its change. */
export async function updateProfile(tx: Transaction, write: VaultWrite): Promise<VaultWritten> {
  const { rows } = await tx.query<VaultWritten>({
    name: 'update-profile',
    text: `with added as (
       update profiles
          set uuid = $13::text, primary_username = $14::text, primary_email = $15::text,
              active = $16::boolean, document = $11::jsonb, version = version + 1,
              serial = nextval('profile_serials'), updated_at = now(),
              deleted_at = case when $3::text = 'delete' then now() end
        where id = $1::uuid and user_id = $12::text
       returning version, serial
     ), ${RECORDED}
     select serial, version::integer as version, before_hash as "beforeHash" from recorded`,
    values: toValues(write),
  })
  const [written] = rows
  if (!written) throw new Error('Cannot update a profile that was locked: it is gone')
  return written
}

const RECORDED = `recorded as (
       insert into profile_changes (${CHANGE_COLUMNS})
       select added.serial, $1::uuid, $2::text, $3::text, $4::text[], added.version,
         (select after_hash from profile_changes where serial = $5::bigint),
         $6::bytea, $7::text, $8::text, $9::text[], $10::timestamptz
         from added
       returning serial, version, before_hash
     )`

/** Removes persons who were deleted before an instant, with their history; answers how many. */
export async function purgeDeletedProfiles(
  db: Queryable,
  options: { readonly deletedBefore: Date; readonly limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (
       delete from profiles
        where id in (
          select id from profiles
           where deleted_at < $1::timestamptz
           order by deleted_at
           limit $2::integer
           for update skip locked
        )
       returning id
     ), fences as (
       delete from sink_deliveries where profile_id in (select id from gone)
     ), deliveries as (
       delete from change_deliveries where profile_id in (select id from gone)
     ), messages as (
       delete from webhook_deliveries where profile_id in (select id from gone)
     )
     select id from gone`,
    [options.deletedBefore, options.limit],
  )
  return rowCount ?? 0
}

function toValues(write: VaultWrite): unknown[] {
  const { document } = write
  const valueOf = (name: string): unknown => (document[name] as { value?: unknown }).value ?? null // by the schema
  return [
    write.id,
    write.publisher,
    write.condition,
    write.changed,
    write.previousSerial ?? null,
    write.afterHash,
    write.actor,
    write.requestId,
    write.sinks,
    write.receivedAt,
    JSON.stringify(document),
    write.userId,
    valueOf('uuid'),
    valueOf('primary_username'),
    valueOf('primary_email'),
    valueOf('active'),
  ]
}
