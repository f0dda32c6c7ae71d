import type { Queryable } from '../client.ts'

/** A seq and the transactions that may still bring entries at or below it. */
export type Watermark = { readonly seq: number; readonly writers: ReadonlySet<string> }

export type Settlement = {
  /** Looks at the log once; answers the highest seq known to be settled, 0 for none. */
  readonly look: (db: Queryable) => Promise<number>
  /** Whether there are entries whose neighbours may still be uncommitted. */
  readonly isWaiting: () => boolean
}

// A writer that stays open for long must not make the list grow without end.
const MAX_WATERMARKS = 100

/**
 * Finds out up to which seq no entry can appear any more, though transactions commit out of order.
 * An insert locks the table before it takes a seq and until it is visible. So what was taken by the
 * time of a look is settled once every transaction that held the lock right after it has ended.
 */
export function createSettlement(): Settlement {
  let watermarks: Watermark[] = []
  let settled = 0

  return {
    async look(db) {
      const seq = await findLastSeq(db)
      const writers = await listWriters(db)
      watermarks = watermarks.map((mark) => ({
        ...mark,
        writers: intersect(mark.writers, writers),
      }))
      if (seq > (watermarks.at(-1)?.seq ?? settled) && watermarks.length < MAX_WATERMARKS)
        watermarks.push({ seq, writers })
      settled = Math.max(settled, ...watermarks.filter(isSettled).map((mark) => mark.seq))
      watermarks = watermarks.filter((mark) => mark.seq > settled)
      return settled
    },
    isWaiting: () => watermarks.length > 0,
  }
}

function isSettled(mark: Watermark): boolean {
  return mark.writers.size === 0
}

function intersect(one: ReadonlySet<string>, other: ReadonlySet<string>): Set<string> {
  return new Set([...one].filter((item) => other.has(item)))
}

async function findLastSeq(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seq: number }>(
    'select coalesce(max(seq), 0) as seq from audit_entries',
  )
  return rows[0]?.seq ?? 0
}

async function listWriters(db: Queryable): Promise<Set<string>> {
  const { rows } = await db.query<{ writer: string }>(
    `select virtualtransaction as writer
     from pg_locks
     where locktype = 'relation'
       and database = (select oid from pg_database where datname = current_database())
       and relation = 'audit_entries'::regclass
       and mode = 'RowExclusiveLock'`,
  )
  return new Set(rows.map((row) => row.writer))
}
