import { minSegmentBytes } from '../../core/csv/chunks.ts'
import {
  checkHeader,
  headBytes,
  type CsvHeader,
  type HeaderVerdict,
} from '../../core/csv/header.ts'
import type { ScanPosition } from '../../core/csv/record-scanner.ts'
import { licenseLayout } from '../../core/license/columns.ts'
import { AppError } from '../../core/errors.ts'
import { withTransaction } from '../../db/client.ts'
import { insertChunks, type IndexedPart } from '../../db/license/chunk-books.ts'
import { holdUploadOpen } from '../../db/license/chunk-lock.ts'
import { createStagingTable } from '../../db/license/staging.ts'
import {
  advanceUpload,
  getUpload,
  hasEnded,
  recordColumns,
  recordFileFaults,
  type Upload,
} from '../../db/uploads.ts'
import { getBlobKey, throwUploadEnded, type LicenseActivityDeps } from './license-deps.ts'
import { postedColumns } from './source-rows.ts'

/** How far a file is cut into chunks: where the next segment begins, and how many chunks there are. */
export type IndexCursor = { readonly position: ScanPosition; readonly chunks: number }

export type IndexInput = { readonly uploadId: string; readonly cursor?: IndexCursor }

/** `refused`: the file as a whole cannot be read, and the reasons are kept with the upload. */
export type IndexOutcome =
  | { readonly refused: true }
  | { readonly refused: false; readonly cursor: IndexCursor; readonly done: boolean }

/** How large the pieces are that a file is read in. */
export type Chunking = {
  /** Bytes looked through for chunks at once; of the first time fewer, so that work can begin. */
  readonly segmentBytes: number
  readonly firstSegmentBytes: number
  /** A very small first chunk shows the first verdicts at once. */
  readonly firstChunkBytes: number
  readonly minChunkBytes: number
  readonly usualChunkBytes: number
  readonly maxChunkBytes: number
  /** However short the rows are: each refused one has a fault that is longer. */
  readonly maxChunkRecords: number
}

const MIB = 1024 * 1024
// Each chunk is two activities of the run, which cost time and history: few for a usual file, so
// that all lanes get some, and about as many for every large one.
const WANTED_CHUNKS = 8
const WANTED_CHUNKS_OF_LARGE = 80

/** What is used unless a deployment says otherwise. */
export const defaultChunking: Chunking = {
  segmentBytes: 16 * MIB,
  firstSegmentBytes: 4 * MIB,
  firstChunkBytes: MIB / 8,
  minChunkBytes: MIB,
  usualChunkBytes: 3 * MIB,
  maxChunkBytes: 8 * MIB,
  maxChunkRecords: 50_000,
}

/**
 * Cuts the next segment of the file into chunks and keeps their places. Without a cursor it begins:
 * it makes the staging table and judges the header. The same segment twice changes nothing.
 */
export async function indexFile(
  deps: LicenseActivityDeps,
  { uploadId, cursor }: IndexInput,
): Promise<IndexOutcome> {
  const upload = await getUpload(deps.db, uploadId)
  if (cursor === undefined) await openUpload(deps, upload)
  if (upload.kind === 'license-post') return await indexRecords(deps, upload)
  const verdict = await readHeader(deps, upload)
  if (verdict.ok) return await indexSegment(deps, upload, { header: verdict.header, cursor })
  await recordFileFaults(deps.db, uploadId, [verdict.fault])
  return { refused: true }
}

/** The verdict on the file's header. */
export async function readHeader(
  { blobs }: LicenseActivityDeps,
  upload: Upload,
): Promise<HeaderVerdict> {
  const head = await blobs.readRange(getBlobKey(upload), 0, Math.min(headBytes, sizeOf(upload)))
  return checkHeader(head, licenseLayout)
}

/** The header of a file that was not refused. */
export async function getHeader(deps: LicenseActivityDeps, upload: Upload): Promise<CsvHeader> {
  const verdict = await readHeader(deps, upload)
  if (verdict.ok) return verdict.header
  throw new AppError('file_refused', `Cannot read the file of upload "${upload.id}"`, {
    status: 422,
  })
}

async function openUpload({ db }: LicenseActivityDeps, upload: Upload): Promise<void> {
  const state = await advanceUpload(db, upload.id, 'validating')
  if (hasEnded({ state })) throwUploadEnded(upload.id)
  await createStagingTable(db, upload.id)
}

async function indexSegment(
  deps: LicenseActivityDeps,
  upload: Upload,
  { header, cursor }: { readonly header: CsvHeader; readonly cursor: IndexCursor | undefined },
): Promise<IndexOutcome> {
  const { position, chunks: known } = cursor ?? (await beginFile(deps, upload, header))
  const size = sizeOf(upload)
  const chunking = { ...defaultChunking, ...deps.chunking }
  const wanted = known === 0 ? chunking.firstSegmentBytes : chunking.segmentBytes
  const end = Math.min(position.byte + Math.max(wanted, minSegmentBytes), size)
  const bytes = await deps.blobs.readRange(getBlobKey(upload), position.byte, end)
  const options = {
    width: { minCells: header.minCells, maxCells: header.maxCells },
    from: position,
    isLast: end === size,
    targetBytes: chooseChunkBytes(size, chunking),
    firstTargetBytes: chunking.firstChunkBytes,
    maxRecords: chunking.maxChunkRecords,
  }
  const { chunks, next } = await deps.pool.index({ bytes, options })
  await keepChunks(deps, {
    uploadId: upload.id,
    firstChunk: known,
    chunks,
    indexedBytes: options.isLast ? size : next.byte,
    isLast: options.isLast,
  })
  return {
    refused: false,
    cursor: { position: next, chunks: known + chunks.length },
    done: options.isLast,
  }
}

/** How long the chunks of a file of `size` bytes shall be, in bytes. */
export function chooseChunkBytes(size: number, chunking: Chunking): number {
  const { minChunkBytes, usualChunkBytes, maxChunkBytes } = chunking
  const usual = Math.min(size / WANTED_CHUNKS, usualChunkBytes)
  const large = Math.min(size / WANTED_CHUNKS_OF_LARGE, maxChunkBytes)
  return Math.max(minChunkBytes, usual, large)
}

async function beginFile(
  { db }: LicenseActivityDeps,
  upload: Upload,
  header: CsvHeader,
): Promise<IndexCursor> {
  await recordColumns(db, upload.id, header.columns)
  return { position: { byte: header.bodyByte, line: header.bodyLine, record: 1 }, chunks: 0 }
}

// Posted records are one chunk, whatever their size.
async function indexRecords(deps: LicenseActivityDeps, upload: Upload): Promise<IndexOutcome> {
  const size = sizeOf(upload)
  await recordColumns(deps.db, upload.id, postedColumns)
  await keepChunks(deps, {
    uploadId: upload.id,
    firstChunk: 0,
    chunks: [{ byteStart: 0, byteEnd: size, firstLine: 1, firstRecord: 1 }],
    indexedBytes: size,
    isLast: true,
  })
  return {
    refused: false,
    cursor: { position: { byte: size, line: 1, record: 1 }, chunks: 1 },
    done: true,
  }
}

async function keepChunks({ db }: LicenseActivityDeps, part: IndexedPart): Promise<void> {
  await withTransaction(db, async (tx) => {
    if (!(await holdUploadOpen(tx, part.uploadId))) throwUploadEnded(part.uploadId)
    await insertChunks(tx, part)
  })
}

function sizeOf(upload: Upload): number {
  return upload.sizeBytes ?? 0
}
