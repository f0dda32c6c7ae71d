import { createHash, randomUUID } from 'node:crypto'
import { withTransaction, type Database } from '../../../db/client.ts'
import { applyStagedRows, type AppliedCounts } from '../../../db/license/apply-chunk.ts'
import type { ApplyScope } from '../../../db/license/apply-scope.ts'
import {
  encodeBoardFields,
  encodeLicense,
  encodeNameKeys,
  encodeOwner,
  encodeUnchanged,
} from '../../../db/license/copy-text.ts'
import {
  indexStagedRows,
  markUploadReady,
  separateDuplicates,
} from '../../../db/license/duplicates.ts'
import { hasOlderOpenUpload, type UploadOrder } from '../../../db/license/upload-order.ts'
import { copyStagedRows, createStagingTable } from '../../../db/license/staging.ts'
import type { LicenseRecord } from '../../../core/license/record.ts'

/** A row of a made-up file; what is left out gets a value that never matters. */
export type Row = { readonly person: number } & Partial<Omit<LicenseRecord, 'ssn'>>

export type StagedUpload = {
  readonly scope: (chunk: number) => ApplyScope
  readonly chunks: number
  readonly duplicates: number
}

export type UploadOptions = {
  readonly jurisdiction?: string
  readonly chunkSize?: number
  readonly sequence: number
  readonly state?: string
  readonly today?: string
}

export const types = {
  aud: 'audiologist',
  slp: 'speech-language pathologist',
} as const

/** The record that a row stands for. */
export function toRecord(row: Row): LicenseRecord {
  const { person, ...fields } = row
  return {
    ssn: `123-45-${String(person).padStart(4, '0')}`,
    licenseType: types.aud,
    licenseStatus: 'active',
    compactEligibility: fields.licenseStatus === 'inactive' ? 'ineligible' : 'eligible',
    givenName: `Given ${person}`,
    familyName: `Family ${person}`,
    dateOfIssuance: '2015-01-01',
    dateOfExpiration: '2030-01-01',
    dateOfBirth: '1980-01-01',
    homeAddressStreet1: '1 Main Street',
    homeAddressCity: 'Columbus',
    homeAddressState: 'oh',
    homeAddressPostalCode: '43004',
    ...fields,
  }
}

/** Stages rows as an upload's chunks would be, known SSNs looked up, and separates duplicates. */
export async function stageUpload(
  db: Database,
  rows: readonly Row[],
  options: UploadOptions,
): Promise<StagedUpload> {
  const uploadId = randomUUID()
  const { jurisdiction = 'oh', chunkSize = 3, sequence } = options
  await db.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id, sequence)
     values ($1, 'license', 'aslp', $2, $3, 'board', 'request', $4)`,
    [uploadId, jurisdiction, options.state ?? 'ingesting', sequence],
  )
  await db.query(
    `insert into upload_sequences (compact, jurisdiction, last) values ('aslp', $1, $2)
     on conflict (compact, jurisdiction) do update set last = greatest(upload_sequences.last, $2)`,
    [jurisdiction, sequence],
  )
  await createStagingTable(db, uploadId)
  const known = await listKnownProviders(db, { compact: 'aslp', jurisdiction, sequence })
  const lines = rows.map((row, index) => encodeRow(row, { index, chunkSize, known, uploadId }))
  const duplicates = await withTransaction(db, async (tx) => {
    await copyStagedRows(tx, uploadId, [Buffer.from(lines.join(''))])
    const found = await separateDuplicates(tx, uploadId)
    await indexStagedRows(tx, uploadId)
    await markUploadReady(tx, uploadId)
    return found
  })
  return {
    duplicates,
    chunks: Math.ceil(rows.length / chunkSize),
    scope: (chunk) => ({
      uploadId,
      chunk,
      compact: 'aslp',
      jurisdiction,
      sequence,
      actor: 'board',
      requestId: 'request',
      workflowId: `license-upload:${uploadId}`,
      today: options.today ?? '2026-06-01',
      abbreviations: { [types.aud]: 'aud', [types.slp]: 'slp' },
    }),
  }
}

/** Applies one chunk in a transaction of its own. */
export async function applyChunk(
  db: Database,
  upload: StagedUpload,
  chunk: number,
): Promise<AppliedCounts> {
  return await withTransaction(db, async (tx) => await applyStagedRows(tx, upload.scope(chunk)))
}

/** Applies all chunks in this order, one after the other, and ends the upload. */
export async function applyUpload(
  db: Database,
  upload: StagedUpload,
  order: readonly number[] = Array.from({ length: upload.chunks }, (_, chunk) => chunk),
): Promise<AppliedCounts> {
  let sum: AppliedCounts = { accepted: 0, created: 0, updated: 0, unchanged: 0, stale: 0 }
  for (const chunk of order) sum = addCounts(sum, await applyChunk(db, upload, chunk))
  await db.query(`update uploads set state = 'completed' where id = $1`, [upload.scope(0).uploadId])
  return sum
}

/** Stages and applies rows without any disturbance. */
export async function ingest(
  db: Database,
  rows: readonly Row[],
  options: UploadOptions,
): Promise<AppliedCounts> {
  return await applyUpload(db, await stageUpload(db, rows, options))
}

/** The sums of two counts. */
export function addCounts(one: AppliedCounts, other: AppliedCounts): AppliedCounts {
  return {
    accepted: one.accepted + other.accepted,
    created: one.created + other.created,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    stale: one.stale + other.stale,
  }
}

function encodeRow(
  row: Row,
  options: {
    readonly index: number
    readonly chunkSize: number
    readonly known: ReadonlyMap<string, Known>
    readonly uploadId: string
  },
): string {
  const { index, chunkSize, known, uploadId } = options
  const license = toRecord(row)
  const ssnHash = hash(license.ssn)
  const provider = known.get(ssnHash)
  const chunk = Math.floor(index / chunkSize)
  const content = encodeBoardFields(license)
  const contentHash = hash(license.licenseType + content)
  const head = encodeLicense({
    place: {
      record: index + 1,
      firstLine: index + 2,
      lastLine: index + 2,
      byteStart: 0,
      byteEnd: 1,
    },
    chunk,
    license,
    ssnHash,
    contentHash,
  })
  if (provider?.contents.includes(contentHash)) return head + encodeUnchanged(provider.id)
  const keys = encodeNameKeys({
    familyNameKey: license.familyName.toLowerCase(),
    givenNameKey: license.givenName.toLowerCase(),
  })
  const owner = encodeOwner({
    providerId: provider?.id ?? toUuid(hash(`${license.ssn} ${uploadId} ${chunk}`)),
    ssnCipher: provider === undefined ? 'c0ffee' : undefined,
  })
  return head + content + keys + owner
}

type Known = { readonly id: string; readonly contents: string }

async function listKnownProviders(db: Database, order: UploadOrder): Promise<Map<string, Known>> {
  const withContents = !(await hasOlderOpenUpload(db, order))
  const { rows } = await db.query<Known & { hash: string }>(
    `select encode(ssn_hash, 'hex') as hash, provider_id as id, case when $1 then (
       select coalesce(string_agg(encode(content_hash, 'hex'), ' '), '')
       from licenses l
       where l.provider_id = p.provider_id and l.jurisdiction = $2
     ) else '' end as contents
     from provider_ssns p`,
    [withContents, order.jurisdiction],
  )
  return new Map(rows.map((row) => [row.hash, row]))
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function toUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
