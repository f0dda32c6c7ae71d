import type {
  ProfileEvent,
  PublishedChange,
  PublishedPerson,
} from '../../core/webhook/profile-event.ts'
import { webhooksLane } from '../../core/profile/lanes.ts'
import type { Queryable, Transaction } from '../client.ts'

/** A change, and the sinks that it is to reach. */
export type LaneChange = PublishedChange & {
  readonly sinks: readonly string[]
  readonly requestId: string
}

/** A person at a serial. */
export type PersonAtSerial = PublishedPerson & { readonly serial: number }

/** For how long the person's lane has rested; undefined for a person of whom nothing was told. */
export async function findRest(db: Queryable, profileId: string): Promise<number | undefined> {
  const { rows } = await db.query<{ ms: number }>(
    `select (extract(epoch from clock_timestamp() - delivered_at) * 1000)::float8 as ms
       from sink_deliveries where profile_id = $1::uuid and sink = $2::text and serial > 0`,
    [profileId, webhooksLane.sink],
  )
  return rows[0]?.ms
}

/** Locks the person's lane until the transaction ends; answers the serial up to which all is queued. */
export async function lockFence(tx: Transaction, profileId: string): Promise<number> {
  const { rows } = await tx.query<{ serial: number }>(
    `insert into sink_deliveries as f (profile_id, sink, serial)
     values ($1::uuid, $2::text, 0)
     on conflict (profile_id, sink) do update set serial = f.serial
     returning serial`,
    [profileId, webhooksLane.sink],
  )
  return rows[0]?.serial ?? 0
}

/** Moves the fence up to what has been queued. */
export async function moveFence(tx: Queryable, profileId: string, serial: number): Promise<void> {
  await tx.query(
    `update sink_deliveries set serial = $3::bigint, delivered_at = clock_timestamp()
      where profile_id = $1::uuid and sink = $2::text and serial < $3::bigint`,
    [profileId, webhooksLane.sink, serial],
  )
}

/** The person as of now; undefined once purged. */
export async function findPersonAtSerial(
  tx: Queryable,
  profileId: string,
): Promise<PersonAtSerial | undefined> {
  const { rows } = await tx.query<PersonAtSerial>(
    `select user_id as "userId", document, deleted_at is not null as "isDeleted", serial
       from profiles where id = $1::uuid`,
    [profileId],
  )
  return rows[0]
}

/** The person's changes after one serial, up to another. */
export async function listLaneChanges(
  tx: Queryable,
  range: { readonly profileId: string; readonly after: number; readonly upTo: number },
): Promise<LaneChange[]> {
  const { rows } = await tx.query<LaneChange>(
    `select serial, condition, changed, sinks, request_id as "requestId",
            committed_at as "committedAt"
       from profile_changes
      where profile_id = $1::uuid and serial > $2::bigint and serial <= $3::bigint
      order by serial`,
    [range.profileId, range.after, range.upTo],
  )
  return rows
}

/**
 * What has not arrived of a person, by endpoint: the newest, which contains what is in the others.
 * What failed for good counts too, as long as nothing newer has arrived.
 */
export async function listWaitingEvents(
  tx: Queryable,
  profileId: string,
): Promise<ReadonlyMap<string, ProfileEvent>> {
  const { rows } = await tx.query<{ endpointId: string; event: ProfileEvent }>(
    `select endpoint_id as "endpointId", body::jsonb as event
       from (select distinct on (endpoint_id) endpoint_id, body, state
               from webhook_deliveries
              where profile_id = $1::uuid and state <> 'superseded'
              order by endpoint_id, position desc) as newest
      where state <> 'succeeded'`,
    [profileId],
  )
  return new Map(rows.map(({ endpointId, event }) => [endpointId, event]))
}
