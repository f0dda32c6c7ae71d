import type { Queryable } from '../client.ts'
import type { AppliedCounts } from './apply-chunk.ts'
import type { ChunkKey } from './staging.ts'

/** Where a chunk is in its file. */
export type ChunkPlace = {
  readonly byteStart: number
  readonly byteEnd: number
  readonly firstLine: number
  readonly firstRecord: number
}

export type IndexedPart = {
  readonly uploadId: string
  /** Number of the first of these chunks, from 0. */
  readonly firstChunk: number
  readonly chunks: readonly ChunkPlace[]
  /** How far the file is cut into chunks, and whether that is all. */
  readonly indexedBytes: number
  readonly isLast: boolean
}

export type StagedCounts = { readonly records: number; readonly rejected: number }

export type ChunkCounts = AppliedCounts & { readonly duplicates: number }

/** Keeps the places of some chunks; the same part twice changes nothing. */
export async function insertChunks(tx: Queryable, part: IndexedPart): Promise<void> {
  await tx.query(
    `insert into upload_chunks (upload_id, chunk, byte_start, byte_end, first_line, first_record)
     select $1::uuid, $2::integer + position - 1, byte_start, byte_end, first_line, first_record
     from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) with ordinality
       as place (byte_start, byte_end, first_line, first_record, position)
     on conflict (upload_id, chunk) do nothing`,
    [
      part.uploadId,
      part.firstChunk,
      part.chunks.map((chunk) => chunk.byteStart),
      part.chunks.map((chunk) => chunk.byteEnd),
      part.chunks.map((chunk) => chunk.firstLine),
      part.chunks.map((chunk) => chunk.firstRecord),
    ],
  )
  await tx.query(
    `update uploads
     set indexed_bytes = greatest(indexed_bytes, $2::bigint), indexed = indexed or $3::boolean,
       version = version + 1
     where id = $1::uuid`,
    [part.uploadId, part.indexedBytes, part.isLast],
  )
}

/** How many chunks the upload has so far, and how many of them are staged now. */
export async function countChunks(
  db: Queryable,
  uploadId: string,
): Promise<{ readonly found: number; readonly staged: number }> {
  const { rows } = await db.query<{ found: number; staged: number }>(
    `select count(*) as found, count(m.chunk) as staged
     from upload_chunks c
     left join staging.chunks m on m.upload_id = c.upload_id and m.chunk = c.chunk
     where c.upload_id = $1::uuid`,
    [uploadId],
  )
  return rows[0] ?? { found: 0, staged: 0 }
}

/** Books a chunk's rows as checked. */
export async function recordStaged(
  tx: Queryable,
  key: ChunkKey,
  counts: StagedCounts,
): Promise<void> {
  await tx.query(
    `update upload_chunks
     set records = $3::integer, rejected = $4::integer, staged_at = clock_timestamp()
     where upload_id = $1::uuid and chunk = $2::integer`,
    [key.uploadId, key.chunk, counts.records, counts.rejected],
  )
}

/** Books a chunk's rows as written. */
export async function recordApplied(
  tx: Queryable,
  key: ChunkKey,
  counts: ChunkCounts,
): Promise<void> {
  await tx.query(
    `update upload_chunks
     set accepted = $3::integer, duplicates = $4::integer, created = $5::integer,
       updated = $6::integer, unchanged = $7::integer, stale = $8::integer,
       applied_at = clock_timestamp()
     where upload_id = $1::uuid and chunk = $2::integer`,
    [
      key.uploadId,
      key.chunk,
      counts.accepted,
      counts.duplicates,
      counts.created,
      counts.updated,
      counts.unchanged,
      counts.stale,
    ],
  )
}
