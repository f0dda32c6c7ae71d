import { AppError } from '../core/errors.ts'
import type { Queryable } from './client.ts'

export const openStates = ['awaiting-file', 'received', 'validating', 'ingesting'] as const
export const endStates = ['completed', 'failed', 'cancelled'] as const

export type EndState = (typeof endStates)[number]
export type UploadState = (typeof openStates)[number] | EndState

/** `license`: a board's file; `license-post`: records that were posted, one document in `upload_payloads`. */
export type UploadKind = 'license' | 'license-post'

/** What is wrong with the file as a whole; the message never repeats a cell. */
export type FileFault = {
  readonly code: string
  readonly message: string
  readonly line?: number
  readonly byte?: number
}

export type UploadCounts = {
  readonly records: number
  readonly accepted: number
  readonly rejected: number
  readonly duplicates: number
  readonly unchanged: number
  readonly created: number
  readonly updated: number
  readonly stale: number
}

export type Upload = {
  readonly id: string
  readonly kind: UploadKind
  readonly compact: string
  readonly jurisdiction: string
  readonly tenant: string | undefined
  readonly state: UploadState
  readonly createdBy: string
  readonly requestId: string
  readonly blobKey: string | undefined
  readonly sizeBytes: number | undefined
  /** Order of receipt within (compact, jurisdiction). */
  readonly sequence: number | undefined
  /** The header's columns in the file's order, once it was read. */
  readonly columns: readonly string[] | undefined
  readonly fileFaults: readonly FileFault[]
  readonly failureCode: string | undefined
  readonly indexed: boolean
  readonly indexedBytes: number
  /** The closing counts; zeros while the upload is open. */
  readonly counts: UploadCounts
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
  readonly receivedAt: Date | undefined
  readonly startedAt: Date | undefined
  readonly finishedAt: Date | undefined
  readonly cancelRequestedAt: Date | undefined
  readonly cancelRequestedBy: string | undefined
  readonly version: number
}

export type UploadRow = {
  readonly id: string
  readonly kind: UploadKind
  readonly compact: string
  readonly jurisdiction: string
  readonly tenant: string | null
  readonly state: UploadState
  readonly created_by: string
  readonly request_id: string
  readonly blob_key: string | null
  readonly size_bytes: number | null
  readonly sequence: number | null
  readonly columns: readonly string[] | null
  readonly file_faults: readonly FileFault[]
  readonly failure_code: string | null
  readonly indexed: boolean
  readonly indexed_bytes: number
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly received_at: Date | null
  readonly started_at: Date | null
  readonly finished_at: Date | null
  readonly cancel_requested_at: Date | null
  readonly cancel_requested_by: string | null
  readonly version: number
} & UploadCounts

/** The columns that `toUpload` reads. */
export const UPLOAD_COLUMNS = `id, kind, compact, jurisdiction, tenant, state, created_by, request_id,
  blob_key, size_bytes, sequence, columns, file_faults, failure_code, indexed, indexed_bytes,
  records, accepted, rejected, duplicates, created, updated, unchanged, stale,
  created_at, expires_at, received_at, started_at, finished_at, cancel_requested_at,
  cancel_requested_by, version`

/** The upload with this id, if there is one. */
export async function findUpload(db: Queryable, id: string): Promise<Upload | undefined> {
  const { rows } = await db.query<UploadRow>(
    `select ${UPLOAD_COLUMNS} from uploads where id = $1::uuid`,
    [id],
  )
  return rows[0] && toUpload(rows[0])
}

/** The upload with this id; throws `not_found` where there is none. */
export async function getUpload(db: Queryable, id: string): Promise<Upload> {
  const upload = await findUpload(db, id)
  if (!upload) throwNotFound(id)
  return upload
}

/** The upload with this id, its row locked until the transaction ends; throws `not_found`. */
export async function lockUpload(tx: Queryable, id: string): Promise<Upload> {
  const { rows } = await tx.query<UploadRow>(
    `select ${UPLOAD_COLUMNS} from uploads where id = $1::uuid for update`,
    [id],
  )
  if (!rows[0]) throwNotFound(id)
  return toUpload(rows[0])
}

/** True once the upload has ended and nothing of it changes any more. */
export function hasEnded(upload: Pick<Upload, 'state'>): boolean {
  return endStates.some((state) => state === upload.state)
}

/**
 * Moves a run forward (`received` → `validating` → `ingesting`), never back; `started_at` is set by
 * the first step. Returns the state that the upload is in now, whatever it was.
 */
export async function advanceUpload(
  db: Queryable,
  id: string,
  state: 'validating' | 'ingesting',
): Promise<UploadState> {
  const from = state === 'validating' ? ['received'] : ['received', 'validating']
  await db.query(
    `update uploads
     set state = $2::text, started_at = coalesce(started_at, now()), version = version + 1
     where id = $1::uuid and state = any($3::text[])`,
    [id, state, from],
  )
  return (await getUpload(db, id)).state
}

/** Keeps the header's columns, in the file's order. */
export async function recordColumns(
  db: Queryable,
  id: string,
  columns: readonly string[],
): Promise<void> {
  await db.query(
    `update uploads set columns = $2::jsonb, version = version + 1 where id = $1::uuid`,
    [id, JSON.stringify(columns)],
  )
}

/** Keeps what is wrong with the file as a whole. */
export async function recordFileFaults(
  db: Queryable,
  id: string,
  faults: readonly FileFault[],
): Promise<void> {
  await db.query(
    `update uploads set file_faults = $2::jsonb, version = version + 1 where id = $1::uuid`,
    [id, JSON.stringify(faults)],
  )
}

/** The row as the rest of the system sees it. */
export function toUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    kind: row.kind,
    compact: row.compact,
    jurisdiction: row.jurisdiction,
    tenant: row.tenant ?? undefined,
    state: row.state,
    createdBy: row.created_by,
    requestId: row.request_id,
    blobKey: row.blob_key ?? undefined,
    sizeBytes: row.size_bytes ?? undefined,
    sequence: row.sequence ?? undefined,
    columns: row.columns ?? undefined,
    fileFaults: row.file_faults,
    failureCode: row.failure_code ?? undefined,
    indexed: row.indexed,
    indexedBytes: row.indexed_bytes,
    counts: pickCounts(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    receivedAt: row.received_at ?? undefined,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    cancelRequestedAt: row.cancel_requested_at ?? undefined,
    cancelRequestedBy: row.cancel_requested_by ?? undefined,
    version: row.version,
  }
}

/** The eight counts of anything that has them, and nothing else. */
export function pickCounts(source: UploadCounts): UploadCounts {
  return {
    records: source.records,
    accepted: source.accepted,
    rejected: source.rejected,
    duplicates: source.duplicates,
    unchanged: source.unchanged,
    created: source.created,
    updated: source.updated,
    stale: source.stale,
  }
}

function throwNotFound(id: string): never {
  throw new AppError('not_found', `Cannot find upload "${id}"`, { status: 404 })
}
