import { appendAudit, type AuditCause } from './audit.ts'
import type { Queryable } from './client.ts'
import { lockUpload, type Upload, type UploadKind } from './uploads.ts'

// The row lock makes the order of sequences the order of commits.
const TAKE_SEQUENCE = `insert into upload_sequences (compact, jurisdiction, last)
  values ($1::text, $2::text, 1)
  on conflict (compact, jurisdiction) do update set last = upload_sequences.last + 1
  returning last`

export type NewUpload = {
  readonly id: string
  readonly kind: UploadKind
  readonly compact: string
  readonly jurisdiction: string
  readonly tenant: string | undefined
  readonly createdBy: string
  readonly requestId: string
}

/** Opens an upload that waits for its file until the form expires. */
export async function createUpload(
  db: Queryable,
  upload: NewUpload & { readonly blobKey: string; readonly expiresAt: Date },
): Promise<void> {
  await db.query(
    `insert into uploads
       (id, kind, compact, jurisdiction, tenant, state, created_by, request_id, blob_key, expires_at)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, 'awaiting-file', $6::text, $7::text,
       $8::text, $9::timestamptz)`,
    [
      upload.id,
      upload.kind,
      upload.compact,
      upload.jurisdiction,
      upload.tenant,
      upload.createdBy,
      upload.requestId,
      upload.blobKey,
      upload.expiresAt,
    ],
  )
}

export type ReceivedFile = {
  readonly uploadId: string
  readonly blobKey: string
  readonly sizeBytes: number
  readonly sha256?: Buffer
  /** Added to the audit entry's cause: the request or the run that booked it. */
  readonly cause?: AuditCause
}

/**
 * Books a file that is wholly there and gives it its place in the jurisdiction's order of receipt;
 * undefined when the upload no longer waits for one.
 */
export async function receiveFile(tx: Queryable, file: ReceivedFile): Promise<Upload | undefined> {
  const upload = await lockUpload(tx, file.uploadId)
  if (upload.state !== 'awaiting-file') return undefined
  await tx.query(
    `with place as (${TAKE_SEQUENCE})
     update uploads
     set state = 'received', received_at = now(), version = version + 1, blob_key = $4::text,
       size_bytes = $5::bigint, sha256 = $6::bytea, sequence = place.last
     from place
     where id = $3::uuid`,
    [
      upload.compact,
      upload.jurisdiction,
      file.uploadId,
      file.blobKey,
      file.sizeBytes,
      file.sha256 ?? null,
    ],
  )
  await auditReceipt(tx, upload, file)
  return upload
}

/** Books posted records, already encrypted, as an upload that is wholly received. */
export async function receiveRecords(
  tx: Queryable,
  upload: NewUpload & { readonly ciphertext: Buffer; readonly sizeBytes: number },
): Promise<void> {
  await tx.query(
    `with place as (${TAKE_SEQUENCE}),
     upload as (
       insert into uploads
         (id, kind, compact, jurisdiction, tenant, state, created_by, request_id, received_at,
          size_bytes, sequence)
       select $3::uuid, $4::text, $1::text, $2::text, $5::text, 'received', $6::text, $7::text,
         now(), $8::bigint, place.last
       from place
       returning id
     )
     insert into upload_payloads (upload_id, ciphertext) select id, $9::bytea from upload`,
    [
      upload.compact,
      upload.jurisdiction,
      upload.id,
      upload.kind,
      upload.tenant,
      upload.createdBy,
      upload.requestId,
      upload.sizeBytes,
      upload.ciphertext,
    ],
  )
  await auditReceipt(tx, upload, {})
}

async function auditReceipt(
  tx: Queryable,
  upload: Pick<Upload, 'id' | 'createdBy' | 'requestId'>,
  { sha256, cause }: Pick<ReceivedFile, 'sha256' | 'cause'>,
): Promise<void> {
  await appendAudit(tx, [
    {
      actor: upload.createdBy,
      action: 'upload.received',
      subject: { type: 'upload', id: upload.id },
      after: sha256,
      cause: { requestId: upload.requestId, ...cause, uploadId: upload.id },
    },
  ])
}

/** The encryption context that binds posted records to their upload. */
export function payloadContext(uploadId: string): string {
  return `upload-payload:${uploadId}`
}

/** The encrypted records of a POST; undefined once its run has ended. */
export async function findPayload(db: Queryable, uploadId: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ ciphertext: Buffer }>(
    'select ciphertext from upload_payloads where upload_id = $1::uuid',
    [uploadId],
  )
  return rows[0]?.ciphertext
}
