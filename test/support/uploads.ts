import { randomUUID } from 'node:crypto'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import type { FieldMessages } from '../../core/license/messages.ts'
import { rowContext, type UploadFaultKind } from '../../db/upload-faults.ts'
import { formKey } from '../../db/upload-housekeeping.ts'
import { createUpload, receiveFile } from '../../db/upload-receipt.ts'
import { recordColumns } from '../../db/uploads.ts'
import type { Database } from '../../db/client.ts'
import type { TestApi } from './http.ts'

export const alabama = '/v1/compacts/aslp/jurisdictions/al/licenses'
/** What a token of a board of `aslp` in Alabama carries. */
export const alabamaScope = 'aslp/readGeneral aslp/write aslp/al.write'

export type UploadForm = {
  readonly upload: { readonly url: string; readonly fields: Readonly<Record<string, string>> }
  readonly uploadId: string
  readonly expiresAt: string
}

/** A fresh form for a file of `aslp`, Alabama. */
export async function getForm(api: TestApi): Promise<UploadForm> {
  const response = await api.call(`${alabama}/bulk-upload`, { scope: alabamaScope })
  expect(response.status).toBe(200)
  return (await response.json()) as UploadForm // checked by its use
}

export type FilePost = {
  readonly fields?: Readonly<Record<string, string>>
  readonly contentType?: string | undefined
  readonly file?: string | Blob
  /** Parts behind the file. */
  readonly after?: Readonly<Record<string, string>>
}

/** Sends a file to a form as the documentation says, or with what `post` changes. */
export async function postFile(form: UploadForm, post: FilePost = {}): Promise<Response> {
  const { fields = form.upload.fields, contentType = 'text/csv', after = {} } = post
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.append(name, value)
  if (contentType !== '') body.append('Content-Type', contentType)
  const file = post.file ?? 'ssn,licenseType\r\n'
  body.append('file', typeof file === 'string' ? new Blob([file]) : file, 'licenses.csv')
  for (const [name, value] of Object.entries(after)) body.append(name, value)
  return await fetch(form.upload.url, { method: 'POST', body })
}

export type SeededUpload = {
  readonly compact?: string
  readonly jurisdiction?: string
  readonly tenant?: string
  readonly columns?: readonly string[]
  /** Whether the file is there; true unless said. */
  readonly received?: boolean
}

/** An upload as the routes would have left it. */
export async function seedUpload(db: Database, seed: SeededUpload = {}): Promise<string> {
  const id = randomUUID()
  await createUpload(db, {
    id,
    kind: 'license',
    compact: seed.compact ?? 'aslp',
    jurisdiction: seed.jurisdiction ?? 'al',
    tenant: seed.tenant,
    createdBy: 'test-client',
    requestId: `request-${id}`,
    blobKey: formKey(id),
    expiresAt: new Date(Date.now() + 3_600_000),
  })
  if (seed.received ?? true)
    await receiveFile(db, { uploadId: id, blobKey: formKey(id), sizeBytes: 1000 })
  if (seed.columns) await recordColumns(db, id, seed.columns)
  return id
}

export type SeededFault = {
  readonly uploadId: string
  readonly record: number
  readonly kind?: UploadFaultKind
  readonly row?: string | Buffer
  readonly errors?: FieldMessages
}

/** A refused row as the ingest would have left it: record n on line n + 1. */
export async function seedFault(api: TestApi, fault: SeededFault): Promise<void> {
  const { uploadId, record, kind = 'rejected', row } = fault
  const errors = fault.errors ?? {
    dateOfBirth: [{ message: 'Not a valid date.', code: 'invalid_date' }],
  }
  const cipher = createFieldCipher(api.ring)
  await api.db.query(
    `insert into upload_faults
       (upload_id, record, kind, chunk, first_line, last_line, errors, row_cipher)
     values ($1, $2, $3, 0, $4, $4, $5, $6)`,
    [
      uploadId,
      record,
      kind,
      record + 1,
      JSON.stringify(errors),
      row === undefined ? null : cipher.encrypt(row, rowContext(uploadId, record)),
    ],
  )
}

export type SeededChunk = {
  readonly uploadId: string
  readonly chunk: number
  readonly rows: number
  readonly rejected?: number
  readonly applied?: boolean
}

/** A chunk of 100 bytes that was staged and, where said, applied as new licenses. */
export async function seedChunk(db: Database, chunk: SeededChunk): Promise<void> {
  const { uploadId, chunk: number, rows, rejected = 0, applied = false } = chunk
  const accepted = applied ? rows - rejected : null
  await db.query(
    `insert into upload_chunks
       (upload_id, chunk, byte_start, byte_end, first_line, first_record, records, rejected,
        staged_at, accepted, duplicates, created, updated, unchanged, stale, applied_at)
     values ($1, $2::integer, $2 * 100, ($2 + 1) * 100, 1, 1, $3, $4, now(), $5, $6, $5, $6, $6, $6, $7)`,
    [uploadId, number, rows, rejected, accepted, applied ? 0 : null, applied ? new Date() : null],
  )
}
