import { createHash } from 'node:crypto'
import { encodeChange, type RosterChange } from '../../core/roster/change.ts'
import type { Queryable } from '../client.ts'

export type StoredChange = RosterChange & { readonly change: number }

const PAGE_SIZE = 500

// The next changes of a run in their order, done or not.
async function listRosterChanges(
  db: Queryable,
  runId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<StoredChange[]> {
  const { rows } = await db.query<StoredChange>(
    `select change, op, type, id, before, after from roster_changes
     where run_id = $1::uuid and change > $2::bigint
     order by change
     limit $3::integer`,
    [runId, after, limit],
  )
  return rows
}

/** The change set of a run, `application/x-ndjson`, a page at a time. */
export async function* readChangeSet(db: Queryable, runId: string): AsyncGenerator<string> {
  for (let after = 0; ;) {
    const page = await listRosterChanges(db, runId, { after, limit: PAGE_SIZE })
    const last = page.at(-1)
    if (!last) return
    after = last.change
    yield page.map(encodeChange).join('')
  }
}

/** The hash of a run's change set, in hexadecimal: SHA-256 of exactly its bytes. */
export async function hashChangeSet(db: Queryable, runId: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const lines of readChangeSet(db, runId)) hash.update(lines)
  return hash.digest('hex')
}
