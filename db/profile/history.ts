import type { LeafPath } from '../../core/profile/attributes.ts'
import type { Profile, PublisherName } from '../../core/profile/document.ts'
import type { AttributeTouch } from '../../core/profile/explain.ts'
import type { DeliveryRecord, SinkRecord } from '../../core/profile/explain-sink.ts'
import { webhooksLane } from '../../core/profile/lanes.ts'
import type { Queryable } from '../client.ts'

/** A person with the newest document, deleted or not. */
export type KnownPerson = {
  readonly id: string
  readonly uuid: string
  readonly document: Profile
  readonly version: number
  readonly serial: number
  readonly updatedAt: Date
  readonly deletedAt: Date | null
}

/** One change of a person as it was committed. */
export type RecordedChange = {
  readonly serial: number
  readonly version: number
  readonly condition: 'create' | 'update' | 'delete'
  readonly publisher: PublisherName
  /** Dotted names; `*` alone for a deletion. */
  readonly changed: readonly LeafPath[]
  /** Hex. */
  readonly beforeHash: string | null
  readonly afterHash: string
  readonly committedAt: Date
}

/** The person with this uuid, or with the id that stands for them in the audit log. */
export async function findPerson(db: Queryable, id: string): Promise<KnownPerson | undefined> {
  const { rows } = await db.query<KnownPerson>(
    `select id, uuid, document, version, serial,
            updated_at as "updatedAt", deleted_at as "deletedAt"
       from profiles
      where uuid = lower($1::text) or id = $1::uuid`,
    [id],
  )
  return rows[0]
}

export type HistoryRange = {
  readonly profileId: string
  /** Serials below this one; undefined from the newest on. */
  readonly before: number | undefined
  readonly limit: number
}

/** At most `limit` changes of a person, newest first. */
export async function listRecordedChanges(
  db: Queryable,
  { profileId, before, limit }: HistoryRange,
): Promise<RecordedChange[]> {
  const { rows } = await db.query<RecordedChange>(
    `select serial, version, condition, publisher, changed,
            encode(before_hash, 'hex') as "beforeHash", encode(after_hash, 'hex') as "afterHash",
            committed_at as "committedAt"
       from profile_changes
      where profile_id = $1::uuid
        and ($2::bigint is null or serial < $2::bigint)
      order by serial desc
      limit $3::integer`,
    [profileId, before, limit],
  )
  return rows
}

/** For each leaf that a change has touched, since the person came (again), the newest that did. */
export async function listTouches(db: Queryable, profileId: string): Promise<AttributeTouch[]> {
  const { rows } = await db.query<AttributeTouch>(
    `select distinct on (path)
            path, serial, publisher, committed_at as at,
            (count(*) over (partition by path))::integer as times
       from profile_changes, unnest(changed) as path
      where profile_id = $1::uuid
        and serial >= (select max(serial) from profile_changes
                        where profile_id = $1::uuid and condition = 'create')
      order by path, serial desc`,
    [profileId],
  )
  return rows
}

/** Every sink that the person's newest change is meant for or that is known to hold something. */
export async function listSinkRecords(
  db: Queryable,
  person: Pick<KnownPerson, 'id' | 'serial'>,
): Promise<SinkRecord[]> {
  const { rows } = await db.query<SinkRow>(
    `select known.sink, known.wanted,
            held.serial as "heldSerial", brought.version as "heldVersion",
            made.state, made.attempts, made.error_code as "errorCode"
       from (select sink, bool_or(wanted) as wanted
               from (select unnest(sinks) as sink, true as wanted
                       from profile_changes
                      where serial = $2::bigint
                     union all
                     select sink, false
                       from sink_deliveries
                      where profile_id = $1::uuid and sink <> $3::text) as named
              group by sink) as known
       left join sink_deliveries held
         on held.profile_id = $1::uuid and held.sink = known.sink
       left join profile_changes brought
         on brought.serial = held.serial and brought.profile_id = $1::uuid
       left join change_deliveries made
         on made.serial = $2::bigint and made.sink = known.sink
      order by known.sink`,
    [person.id, person.serial, webhooksLane.sink],
  )
  return rows.map((row) => toSinkRecord(row, person.serial))
}

type SinkRow = {
  readonly sink: string
  readonly wanted: boolean
  readonly heldSerial: number | null
  readonly heldVersion: number | null
  readonly state: DeliveryRecord['state'] | null
  readonly attempts: number
  readonly errorCode: string | null
}

function toSinkRecord(row: SinkRow, newestSerial: number): SinkRecord {
  const { sink, wanted, heldSerial, heldVersion, state, attempts, errorCode } = row
  return {
    sink,
    wanted,
    newestSerial,
    held: heldSerial === null ? undefined : { serial: heldSerial, version: heldVersion },
    delivery: state === null ? undefined : { state, attempts, errorCode },
  }
}
