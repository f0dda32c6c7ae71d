import { getRow, type Queryable } from '../client.ts'
import type { ChunkCounts, ChunkPlace, StagedCounts } from './chunk-books.ts'
import type { ChunkKey } from './staging.ts'

export type ChunkLock = {
  /** True once the chunk's faults and number of rows are kept, even when its rows were lost since. */
  readonly hasStagedBefore: boolean
  readonly isApplied: boolean
  /** True while the chunk's rows are in the staging table. */
  readonly isStaged: boolean
  /** True once duplicates were separated among the rows that are staged now. */
  readonly isReady: boolean
}

/** A chunk's place and counts, zeros where nothing is booked yet. */
export type BookedChunk = ChunkPlace & StagedCounts & ChunkCounts

/**
 * Keeps the upload from ending until the transaction does; false when it has ended or is being
 * cancelled, so that a late worker writes nothing after the books are closed.
 */
export async function holdUploadOpen(tx: Queryable, uploadId: string): Promise<boolean> {
  // Whoever ends an upload locks its row for update, which waits for this lock.
  const { rows } = await tx.query<{ open: boolean }>(
    `select state in ('received', 'validating', 'ingesting') and cancel_requested_at is null as open
     from uploads
     where id = $1::uuid
     for key share`,
    [uploadId],
  )
  return rows[0]?.open ?? false
}

/** Locks one chunk against a second worker and says how far it is; throws `not_found`. */
export async function lockChunk(tx: Queryable, key: ChunkKey): Promise<ChunkLock> {
  return await readChunk<ChunkLock>(
    tx,
    key,
    `select staged_at is not null as "hasStagedBefore", applied_at is not null as "isApplied",
       exists (
         select from staging.chunks m where m.upload_id = c.upload_id and m.chunk = c.chunk
       ) as "isStaged",
       exists (select from staging.ready r where r.upload_id = c.upload_id) as "isReady"
     from upload_chunks c
     where upload_id = $1::uuid and chunk = $2::integer
     for update of c`,
  )
}

/** Where a chunk is in its file and what is booked of it so far; throws `not_found`. */
export async function getChunk(db: Queryable, key: ChunkKey): Promise<BookedChunk> {
  return await readChunk<BookedChunk>(
    db,
    key,
    `select byte_start as "byteStart", byte_end as "byteEnd", first_line as "firstLine",
       first_record as "firstRecord", coalesce(records, 0) as records,
       coalesce(rejected, 0) as rejected, coalesce(accepted, 0) as accepted,
       coalesce(duplicates, 0) as duplicates, coalesce(created, 0) as created,
       coalesce(updated, 0) as updated, coalesce(unchanged, 0) as unchanged,
       coalesce(stale, 0) as stale
     from upload_chunks
     where upload_id = $1::uuid and chunk = $2::integer`,
  )
}

/** True while the chunk's rows are in the staging table. */
export async function isChunkStaged(db: Queryable, key: ChunkKey): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from staging.chunks where upload_id = $1::uuid and chunk = $2::integer',
    [key.uploadId, key.chunk],
  )
  return rowCount === 1
}

async function readChunk<T extends object>(
  db: Queryable,
  key: ChunkKey,
  query: string,
): Promise<T> {
  const { rows } = await db.query<T>(query, [key.uploadId, key.chunk])
  return getRow(rows, `Cannot find chunk ${key.chunk} of upload "${key.uploadId}"`)
}
