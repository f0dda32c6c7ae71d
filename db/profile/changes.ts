import { setTimeout as delay } from 'node:timers/promises'
import type { Queryable } from '../client.ts'

export type SinkState = 'pending' | 'succeeded' | 'failed' | 'superseded'

/** What became of a change at one sink. */
export type ChangeSink = {
  readonly name: string
  readonly state: SinkState
  readonly attempts: number
  readonly errorCode: string | null
  /** When it last got further, RFC 3339; null: it was not tried yet. */
  readonly at: string | null
}

/** A committed change, without anything of the person. */
export type ChangeEvent = {
  readonly serial: number
  readonly publisher: string
  readonly condition: 'create' | 'update' | 'delete'
  readonly changed: readonly string[]
  readonly receivedAt: Date
  readonly committedAt: Date
  readonly sinks: readonly ChangeSink[]
}

export type ChangeFilter = {
  /** Undefined: of every publisher. */
  readonly publisher: string | undefined
  readonly userId: string | undefined
  readonly since: Date
  readonly after: number
  readonly limit: number
}

const POLL_MS = 20
const PATIENCE_MS = 2_000

const EVENT = `c.serial, c.publisher, c.condition, c.changed, c.received_at as "receivedAt",
  c.committed_at as "committedAt",
  (select coalesce(json_agg(json_build_object(
            'name', s.name, 'state', coalesce(d.state, 'pending'),
            'attempts', coalesce(d.attempts, 0), 'errorCode', d.error_code, 'at', d.updated_at)
            order by s.position), '[]')
     from unnest(c.sinks) with ordinality as s (name, position)
     left join change_deliveries d on d.serial = c.serial and d.sink = s.name) as sinks`

/** One change; undefined when there is none with this serial. */
export async function findChange(db: Queryable, serial: number): Promise<ChangeEvent | undefined> {
  const { rows } = await db.query<ChangeEvent>(
    `select ${EVENT} from profile_changes c where c.serial = $1::bigint`,
    [serial],
  )
  return rows[0]
}

/** Changes by serial, none of which is followed later by one with a smaller serial. */
export async function listChangeEvents(
  db: Queryable,
  filter: ChangeFilter,
): Promise<ChangeEvent[]> {
  const upTo = await findSettledSerial(db)
  if (upTo === undefined) return []
  const { rows } = await db.query<ChangeEvent>(
    `select ${EVENT} from profile_changes c
      where c.serial > $1::bigint and c.serial <= $2::bigint and c.committed_at >= $3::timestamptz
        and ($4::text is null or c.publisher = $4::text)
        and ($5::text is null
             or c.profile_id = (select id from profiles where user_id = $5::text))
      order by c.serial
      limit $6::integer`,
    [
      filter.after,
      upTo,
      filter.since,
      filter.publisher ?? null,
      filter.userId ?? null,
      filter.limit,
    ],
  )
  return rows
}

/**
 * A serial below which no change can appear any more, though transactions commit out of order.
 * Writers lock the table before they take a serial: what was taken by now is settled once all who
 * hold the lock right after have ended. Undefined when one of them takes too long.
 */
async function findSettledSerial(db: Queryable): Promise<number | undefined> {
  const { rows } = await db.query<{ serial: number }>(
    'select last_value as serial from profile_serials',
  )
  const deadline = Date.now() + PATIENCE_MS
  let writers = await listWriters(db)
  while (writers.size > 0) {
    if (Date.now() > deadline) return undefined
    await delay(POLL_MS)
    const still = await listWriters(db)
    writers = new Set([...writers].filter((writer) => still.has(writer)))
  }
  return rows[0]?.serial
}

async function listWriters(db: Queryable): Promise<Set<string>> {
  const { rows } = await db.query<{ writer: string }>(
    `select virtualtransaction as writer
       from pg_locks
      where locktype = 'relation'
        and database = (select oid from pg_database where datname = current_database())
        and relation = 'profile_changes'::regclass
        and mode = 'RowExclusiveLock'`,
  )
  return new Set(rows.map(({ writer }) => writer))
}
