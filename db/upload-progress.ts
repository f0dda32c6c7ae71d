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

type ProgressRow = UploadRow & { readonly chunks: ChunkProgress }

/** A query for `chunks`, the progress of the upload with the id that the expression gives. */
const selectChunks = (uploadId: string): string => `select json_build_object(
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
  where upload_id = ${uploadId}`

/** The uploads that there are with these ids and how far they are, by id. */
export async function readUploadProgress(
  db: Queryable,
  ids: readonly string[],
): Promise<Map<string, UploadProgress>> {
  const { rows } = await db.query<ProgressRow>({
    // Named, so that a connection plans it once: planning takes three times as long as running.
    name: 'read-upload-progress',
    text: `select ${UPLOAD_COLUMNS}, progress.chunks
     from uploads cross join lateral (${selectChunks('uploads.id')}) progress
     where id = any($1::uuid[])`,
    values: [ids],
  })
  return new Map(rows.map((row) => [row.id, toProgress(row)]))
}

/** A jurisdiction of a compact. */
export type Place = { readonly compact: string; readonly jurisdiction: string }

export type UploadQuery = {
  /** Only uploads for these places. */
  readonly places: readonly Place[]
  /** Only those without a tenant or of this one; undefined: of any. */
  readonly tenant: string | undefined
  /** Only those behind this one in the list; undefined from the start. */
  readonly after: { readonly createdAt: string; readonly id: string } | undefined
  readonly limit: number
}

/** Uploads and how far they are, newest first, at most `limit`. */
export async function listUploadProgress(
  db: Queryable,
  query: UploadQuery,
): Promise<UploadProgress[]> {
  const { rows } = await db.query<ProgressRow>(
    `select ${UPLOAD_COLUMNS}, progress.chunks
     from uploads cross join lateral (${selectChunks('uploads.id')}) progress
     where (compact, jurisdiction) in (select * from unnest($1::text[], $2::text[]))
       and ($3::text is null or tenant is null or tenant = $3::text)
       and ($4::timestamptz is null or (created_at, id) < ($4::timestamptz, $5::uuid))
     order by created_at desc, id desc
     limit $6::integer`,
    [
      query.places.map((place) => place.compact),
      query.places.map((place) => place.jurisdiction),
      query.tenant ?? null,
      query.after?.createdAt ?? null,
      query.after?.id ?? null,
      query.limit,
    ],
  )
  return rows.map(toProgress)
}

/** The rows of an upload that are decided so far. */
export async function sumChunks(db: Queryable, uploadId: string): Promise<UploadCounts> {
  const { rows } = await db.query<{ readonly chunks: ChunkProgress }>(selectChunks('$1::uuid'), [
    uploadId,
  ])
  const { counts } = getRow(rows, `Cannot sum the chunks of upload "${uploadId}"`).chunks
  return counts
}

function toProgress(row: ProgressRow): UploadProgress {
  return { upload: toUpload(row), chunks: row.chunks }
}
