import { hash } from 'node:crypto'
import type { RosterCollection, RosterEntry } from '../../core/roster/record.ts'
import type { Queryable } from '../client.ts'
import { encodeTextArray } from '../copy-text.ts'
import { SETTLED_RUN } from './settled.ts'
import { nameRosterStaging } from './staging.ts'

/** Entries of a full pull's page that follow each other. */
export type PageBlock = {
  readonly entries: readonly RosterEntry[]
  /** Of its first entry, less one. */
  readonly sequence: number
  /** What the entries say, in short. */
  readonly digest: string
}

type Place = { readonly runId: string; readonly providerId: string }

const ENTRIES_PER_BLOCK = 2_000
// 128 bits of SHA-256, as many as a uuid has.
const DIGEST_LENGTH = 32

/** Cuts a page; `sequence` is that of its first entry, less one. */
export function cutPage(entries: readonly RosterEntry[], sequence: number): PageBlock[] {
  const count = Math.ceil(entries.length / ENTRIES_PER_BLOCK)
  return Array.from({ length: count }, (_, index) => {
    const start = index * ENTRIES_PER_BLOCK
    const own = entries.slice(start, start + ENTRIES_PER_BLOCK)
    const digest = hash('sha256', JSON.stringify(own)).slice(0, DIGEST_LENGTH)
    return { entries: own, sequence: sequence + start, digest }
  })
}

/**
 * The digests of those blocks that read as they did in the run that left the provider settled. While
 * its mark holds, all that they say is known: it is noted as seen, and nothing of it is staged.
 */
export async function noteKnownBlocks(
  tx: Queryable,
  { runId, providerId }: Place,
  blocks: readonly PageBlock[],
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ digest: string }>(
    `with known as materialized (
       select w.sequence, b.digest, b.collection, b.ids
       from unnest($3::uuid[], $4::bigint[]) as w (digest, sequence)
       join roster_blocks b on b.provider_id = $1::uuid and b.digest = w.digest
       where exists (${SETTLED_RUN})
     ), seen as (
       insert into ${nameRosterStaging(runId, 'seen')} (collection, sequence, ids)
       select collection, sequence, ids from known
     ), kept as (
       insert into ${nameRosterStaging(runId, 'blocks')} (digest)
       select distinct digest from known
     )
     select distinct replace(digest::text, '-', '') as digest from known`,
    [
      providerId,
      runId,
      blocks.map(({ digest }) => digest),
      blocks.map(({ sequence }) => sequence + 1),
    ],
  )
  return new Set(rows.map(({ digest }) => digest))
}

/** Keeps for later runs what blocks that are not known say. */
export async function stageBlocks(
  tx: Queryable,
  runId: string,
  blocks: readonly PageBlock[],
): Promise<void> {
  for (const { digest, entries } of blocks) {
    for (const [collection, ids] of listIds(entries)) {
      await tx.query(
        `insert into ${nameRosterStaging(runId, 'blocks')} (digest, collection, ids)
         values ($1::uuid, $2::text, $3::text[])`,
        [digest, collection, encodeTextArray(ids)],
      )
    }
  }
}

function listIds(entries: readonly RosterEntry[]): ReadonlyMap<RosterCollection, string[]> {
  const ids = new Map<RosterCollection, string[]>()
  for (const entry of entries) {
    if (entry.op !== 'put') continue
    const own = ids.get(entry.collection)
    if (own) own.push(entry.record.id)
    else ids.set(entry.collection, [entry.record.id])
  }
  return ids
}

/**
 * Makes what a run has read the blocks of its provider; none where an entry is in no block, or a
 * record was read twice: then a block says less than what holds.
 */
export async function replaceBlocks(tx: Queryable, { runId, providerId }: Place): Promise<void> {
  const staged = nameRosterStaging(runId, 'blocks')
  await tx.query(
    `delete from roster_blocks b
     where b.provider_id = $1::uuid and not exists (
       select from ${staged} n where n.digest = b.digest)`,
    [providerId],
  )
  await tx.query(
    `insert into roster_blocks (provider_id, digest, collection, ids)
     select $1::uuid, digest, collection, ids from ${staged} where ids is not null
     on conflict (provider_id, digest, collection) do nothing`,
    [providerId],
  )
  await tx.query(
    `delete from roster_blocks
     where provider_id = $1::uuid and (
       select sum(received) from roster_streams where run_id = $2::uuid
     ) <> (
       select count(*) from (
         select collection, unnest(ids) as id from roster_blocks where provider_id = $1::uuid
         group by 1, 2) r)`,
    [providerId, runId],
  )
}
