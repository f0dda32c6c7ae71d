import type { RosterCollection } from '../../core/roster/record.ts'
import type { Transaction } from '../client.ts'
import { encodeTextArray } from '../copy-text.ts'
import type { StagedRow } from './copy-text.ts'
import { nameRosterStaging } from './staging.ts'

/** The collections whose records are kept whole, in one table. */
export const RECORDS = ['schools', 'terms', 'courses', 'sections'] as const

type Block = {
  readonly runId: string
  readonly providerId: string
  /** Of its first entry. */
  readonly sequence: number
}

/**
 * The rows of a part of a full pull's page that say something new. Records that are known exactly so
 * are noted as seen instead: what the last run applied goes for them, and nothing of them is staged.
 * The transaction is one prepared for lookups; what asks for the first of them has left when this
 * returns.
 */
export async function leaveOutKnown(
  tx: Transaction,
  block: Block,
  rows: readonly StagedRow[],
): Promise<readonly StagedRow[]> {
  const collections = new Set(rows.map(({ collection }) => collection))
  const parts: (readonly StagedRow[])[] = []
  for (const collection of collections) {
    const own = collections.size === 1 ? rows : rows.filter((row) => row.collection === collection)
    parts.push(await leaveOutKnownOf(tx, { ...block, collection }, own))
  }
  return parts.flat()
}

async function leaveOutKnownOf(
  tx: Transaction,
  { runId, providerId, sequence, collection }: Block & { readonly collection: RosterCollection },
  rows: readonly StagedRow[],
): Promise<readonly StagedRow[]> {
  const once = listOnce(rows)
  // A digest tells the record's id too.
  const { rows: found } = await tx.query<{ news: string[] }>(
    `with known as materialized (
       select array_agg(b.id) as ids from ${baseOf(collection)} b
       where b.provider_id = $1::uuid and b.id = any ($2::text[]) and b.digest = any ($3::uuid[])
     ), noted as (
       insert into ${nameRosterStaging(runId, 'seen')} (collection, sequence, ids)
       select $4::text, $5::bigint, ids from known where ids is not null
     )
     select array(select unnest($2::text[]) except select unnest(ids) from known) as news`,
    [
      providerId,
      encodeTextArray(once.map(({ id }) => id)),
      encodeTextArray(once.map(({ digest = '' }) => digest)),
      collection,
      sequence,
    ],
  )
  const news = new Set(found[0]?.news)
  const known = new Set(once.filter(({ id }) => !news.has(id)))
  return known.size === 0 ? rows : rows.filter((row) => !known.has(row))
}

// What is said twice of a record is staged: there the last word holds.
function listOnce(rows: readonly StagedRow[]): readonly StagedRow[] {
  const counts = new Map<string, number>()
  for (const { id } of rows) counts.set(id, (counts.get(id) ?? 0) + 1)
  return rows.filter(({ id, digest }) => digest !== undefined && counts.get(id) === 1)
}

function baseOf(collection: RosterCollection): string {
  if (collection === 'users' || collection === 'enrollments') return `roster_${collection}`
  return `(select * from roster_records where collection = '${collection}')`
}

/**
 * The records of collections that a pull has met but not staged: those that are as they were known,
 * and those that could not be read (`is_read` false). Each is there at least once.
 */
export function metRecords(runId: string, collections: readonly RosterCollection[]): string {
  const names = collections.map((name) => `'${name}'`).join(', ')
  return `(select collection, unnest(ids) as id, true as is_read from ${nameRosterStaging(runId, 'seen')}
      where collection in (${names})
    union all
    select entity, id, false from roster_errors where run_id = '${runId}' and entity in (${names}))`
}
