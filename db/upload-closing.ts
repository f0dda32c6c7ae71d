import { createHash, randomUUID } from 'node:crypto'
import { appendAudit, type AuditCause } from './audit.ts'
import type { Queryable } from './client.ts'
import type { FieldMessages } from '../core/license/messages.ts'
import { supersedeBrokenPlans } from './license/rollback-supersede.ts'
import { listFaults } from './upload-faults.ts'
import { sumChunks } from './upload-progress.ts'
import { hasEnded, lockUpload, type EndState, type Upload } from './uploads.ts'
import type { UploadCounts, UploadState } from './uploads.ts'

/** Faults that a digest spells out; the rest is "N more" behind its link. */
const DIGEST_FAULTS = 100

export type Closing = {
  readonly uploadId: string
  readonly state: EndState
  /** Ends it only while it still waits for its file. */
  readonly onlyWaiting?: boolean
  /** Why the run failed where that is not the file's fault, such as `form_expired`. */
  readonly failureCode?: string
  /** Who ended it, unless that is whoever started or cancelled it. */
  readonly actor?: string
  /** Added to the audit entry's cause: the run. */
  readonly cause?: AuditCause
}

/** What the board's contacts are told when an upload ends. */
export type UploadDigest = {
  readonly uploadId: string
  readonly kind: string
  readonly compact: string
  readonly jurisdiction: string
  readonly state: UploadState
  readonly failureCode?: string
  readonly fileFaults: Upload['fileFaults']
  readonly counts: UploadCounts
  readonly faults: readonly {
    readonly line: number
    readonly record: number
    readonly errors: FieldMessages
  }[]
  /** Refused rows beyond the ones spelled out. */
  readonly more: number
  /** Path of the list of all of them. */
  readonly link: string
}

export type ClosedUpload = {
  readonly state: UploadState
  readonly counts: UploadCounts
  /** False when the upload had ended before: nothing was done again. */
  readonly closed: boolean
}

/**
 * Ends an upload in the caller's transaction: sums the decided rows of its chunks, keeps the one
 * digest, writes the events and forgets posted records. An upload that has ended stays as it is.
 */
export async function endUpload(tx: Queryable, closing: Closing): Promise<ClosedUpload> {
  const open = await lockUpload(tx, closing.uploadId)
  const isLate = closing.onlyWaiting === true && open.state !== 'awaiting-file'
  if (hasEnded(open) || isLate) return { state: open.state, counts: open.counts, closed: false }
  const counts = await sumChunks(tx, closing.uploadId)
  await writeEnd(tx, closing, counts)
  await tx.query('delete from upload_payloads where upload_id = $1::uuid', [closing.uploadId])
  const digest = await createDigest(tx, open, { ...closing, counts })
  await insertDigest(tx, digest)
  await insertEvents(tx, open, digest)
  await auditEnd(tx, open, { closing, digest })
  await supersedeBrokenPlans(tx, open)
  return { state: closing.state, counts, closed: true }
}

async function writeEnd(tx: Queryable, closing: Closing, counts: UploadCounts): Promise<void> {
  await tx.query(
    `update uploads
     set state = $2::text, failure_code = $3::text, finished_at = clock_timestamp(),
       version = version + 1, records = $4::bigint, accepted = $5::bigint, rejected = $6::bigint,
       duplicates = $7::bigint, created = $8::bigint, updated = $9::bigint,
       unchanged = $10::bigint, stale = $11::bigint
     where id = $1::uuid`,
    [
      closing.uploadId,
      closing.state,
      closing.failureCode ?? null,
      counts.records,
      counts.accepted,
      counts.rejected,
      counts.duplicates,
      counts.created,
      counts.updated,
      counts.unchanged,
      counts.stale,
    ],
  )
}

async function createDigest(
  tx: Queryable,
  upload: Upload,
  end: Closing & { readonly counts: UploadCounts },
): Promise<UploadDigest> {
  const faults = await listFaults(tx, {
    uploadId: upload.id,
    kinds: ['rejected', 'duplicate'],
    after: 0,
    limit: DIGEST_FAULTS,
  })
  const refused = end.counts.rejected + end.counts.duplicates
  return {
    uploadId: upload.id,
    kind: upload.kind,
    compact: upload.compact,
    jurisdiction: upload.jurisdiction,
    state: end.state,
    ...(end.failureCode === undefined ? {} : { failureCode: end.failureCode }),
    fileFaults: upload.fileFaults,
    counts: end.counts,
    faults: faults.map(({ firstLine, record, errors }) => ({ line: firstLine, record, errors })),
    more: Math.max(refused - faults.length, 0),
    link: `/v1/uploads/${upload.id}/errors`,
  }
}

async function insertDigest(tx: Queryable, digest: UploadDigest): Promise<void> {
  await tx.query('insert into upload_digests (upload_id, digest) values ($1::uuid, $2::jsonb)', [
    digest.uploadId,
    JSON.stringify(digest),
  ])
}

async function auditEnd(
  tx: Queryable,
  upload: Upload,
  { closing, digest }: { readonly closing: Closing; readonly digest: UploadDigest },
): Promise<void> {
  await appendAudit(tx, [
    {
      actor: closing.actor ?? toActor(upload, closing),
      action: `upload.${closing.state}`,
      subject: { type: 'upload', id: upload.id },
      after: createHash('sha256').update(JSON.stringify(digest)).digest(),
      cause: { requestId: upload.requestId, ...closing.cause, uploadId: upload.id },
    },
  ])
}

function toActor(upload: Upload, { state }: Closing): string {
  const canceller = state === 'cancelled' ? upload.cancelRequestedBy : undefined
  return canceller ?? upload.createdBy
}

async function insertEvents(tx: Queryable, upload: Upload, digest: UploadDigest): Promise<void> {
  const { faults: _rows, ...data } = digest
  for (const type of listEventTypes(digest)) {
    await insertEvent(tx, upload, { type, data })
  }
  // A posted list was answered at once, and of a file that never came there is nothing to tell.
  if (upload.kind === 'license' && upload.sizeBytes !== undefined) {
    await insertEvent(tx, upload, { type: 'license.digest', data: digest })
  }
}

async function insertEvent(
  tx: Queryable,
  upload: Upload,
  { type, data }: { readonly type: string; readonly data: object },
): Promise<void> {
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     values ($1::uuid, $2::text, $3::text, $4::jsonb, $5::text)`,
    [randomUUID(), type, `uploads/${upload.id}`, JSON.stringify(data), upload.requestId],
  )
}

function listEventTypes({ state, counts }: UploadDigest): string[] {
  const types: string[] = []
  if (counts.accepted > 0 || state === 'completed') types.push('license.ingested')
  if (counts.rejected + counts.duplicates > 0) types.push('license.validation-error')
  if (state === 'failed') types.push('license.ingest-failure')
  return types
}
