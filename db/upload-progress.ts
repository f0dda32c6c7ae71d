import { getRow, type Queryable } from './client.ts'
import { toUpload, UPLOAD_COLUMNS } from './uploads.ts'
import type { Upload, UploadCounts, UploadRow } from './uploads.ts'

/** How far the chunks of an upload are: found in the file, staged (checked) and applied (written). */
export type ChunkProgress = {
  readonly found: number
  readonly staged: number
  readonly applied: number
  readonly stagedBytes: number
  readonly appliedBytes: number
  readonly stagedRows: number
  readonly appliedRows: number
  /** The rows decided so far: refused ones of staged chunks and all of the applied ones. */
  readonly counts: UploadCounts
}

export type UploadProgress = { readonly upload: Upload; readonly chunks: ChunkProgress }

const CHUNK_PROGRESS = `select json_build_object(
    'found', count(*),
    'staged', count(staged_at),
    'applied', count(applied_at),
    'stagedBytes', coalesce(sum(byte_end - byte_start) filter (where staged_at is not null), 0),
    'appliedBytes', coalesce(sum(byte_end - byte_start) filter (where applied_at is not null), 0),
    'stagedRows', coalesce(sum(records) filter (where staged_at is not null), 0),
    'appliedRows', coalesce(sum(records) filter (where applied_at is not null), 0),
    'counts', json_build_object(
      'records', coalesce(sum(rejected), 0) + coalesce(sum(accepted), 0) + coalesce(sum(duplicates), 0),
      'accepted', coalesce(sum(accepted), 0),
      'rejected', coalesce(sum(rejected), 0),
      'duplicates', coalesce(sum(duplicates), 0),
      'unchanged', coalesce(sum(unchanged), 0),
      'created', coalesce(sum(created), 0),
      'updated', coalesce(sum(updated), 0),
      'stale', coalesce(sum(stale), 0)
    )
  ) as chunks
  from upload_chunks
  where upload_id = $1::uuid`

/** The upload with this id and how far it is, if there is one. */
export async function findUploadProgress(
  db: Queryable,
  id: string,
): Promise<UploadProgress | undefined> {
  const { rows } = await db.query<UploadRow & { readonly chunks: ChunkProgress }>(
    `select ${UPLOAD_COLUMNS}, progress.chunks
     from uploads cross join (${CHUNK_PROGRESS}) progress
     where id = $1::uuid`,
    [id],
  )
  return rows[0] && { upload: toUpload(rows[0]), chunks: rows[0].chunks }
}

/** The rows of an upload that are decided so far. */
export async function sumChunks(db: Queryable, uploadId: string): Promise<UploadCounts> {
  const { rows } = await db.query<{ readonly chunks: ChunkProgress }>(CHUNK_PROGRESS, [uploadId])
  const { counts } = getRow(rows, `Cannot sum the chunks of upload "${uploadId}"`).chunks
  return counts
}
