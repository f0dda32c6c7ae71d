import { findCompact, timeZoneOf } from '../../core/license/compacts.ts'
import { duplicateFault } from '../../core/license/messages.ts'
import { dayIn } from '../../core/license/provider-view.ts'
import { withTransaction } from '../../db/client.ts'
import { applyStagedRows } from '../../db/license/apply-chunk.ts'
import type { ApplyScope } from '../../db/license/apply-scope.ts'
import { countChunks, recordApplied, type ChunkCounts } from '../../db/license/chunk-books.ts'
import { getChunk, holdUploadOpen, lockChunk } from '../../db/license/chunk-lock.ts'
import { encodeFault } from '../../db/license/copy-text.ts'
import {
  indexStagedRows,
  listDuplicates,
  markUploadReady,
  separateDuplicates,
  type DuplicateRow,
} from '../../db/license/duplicates.ts'
import { copyFaults, type ChunkKey } from '../../db/license/staging.ts'
import { rowContext } from '../../db/upload-faults.ts'
import { advanceUpload, getUpload, hasEnded, type Upload } from '../../db/uploads.ts'
import { currentCause } from '../context.ts'
import {
  getBlobKey,
  throwStagingLost,
  throwUploadEnded,
  type LicenseActivityDeps,
} from './license-deps.ts'

/**
 * Separates duplicates once all chunks are staged, so that chunks may be applied in any order.
 * Throws `staging_lost` when some rows are no longer staged.
 */
export async function prepareRows(deps: LicenseActivityDeps, uploadId: string): Promise<number> {
  const state = await advanceUpload(deps.db, uploadId, 'ingesting')
  if (hasEnded({ state })) throwUploadEnded(uploadId)
  return await withTransaction(deps.db, async (tx) => {
    if (!(await holdUploadOpen(tx, uploadId))) throwUploadEnded(uploadId)
    const { found, staged } = await countChunks(tx, uploadId)
    if (staged < found) throwStagingLost(uploadId)
    await tx.query(`set local work_mem = '256MB'`)
    const duplicates = await separateDuplicates(tx, uploadId)
    await indexStagedRows(tx, uploadId)
    await markUploadReady(tx, uploadId)
    return duplicates
  })
}

/**
 * Writes one chunk's rows into licenses, history, summaries and audit log, in one transaction that
 * also books the chunk: a second call answers the same counts and writes nothing. Throws
 * `staging_lost` when the chunk's rows are no longer staged.
 */
export async function applyChunk(deps: LicenseActivityDeps, key: ChunkKey): Promise<ChunkCounts> {
  const upload = await getUpload(deps.db, key.uploadId)
  return await withTransaction(deps.db, async (tx) => {
    if (!(await holdUploadOpen(tx, key.uploadId))) throwUploadEnded(key.uploadId)
    const lock = await lockChunk(tx, key)
    if (lock.isApplied) return pickCounts(await getChunk(tx, key))
    if (!lock.isStaged || !lock.isReady) throwStagingLost(key.uploadId)
    const applied = await applyStagedRows(tx, createScope(deps, upload, key))
    const duplicates = await listDuplicates(tx, key)
    await copyFaults(tx, await encodeDuplicates(deps, upload, { key, duplicates }))
    const counts = { ...applied, duplicates: duplicates.length }
    await recordApplied(tx, key, counts)
    return counts
  })
}

function createScope(
  { compacts, now }: LicenseActivityDeps,
  upload: Upload,
  { uploadId, chunk }: ChunkKey,
): ApplyScope {
  const compact = findCompact(compacts, upload.compact)
  const types = compact?.licenseTypes ?? []
  const zone = compact && timeZoneOf(compact, upload.jurisdiction)
  return {
    uploadId,
    chunk,
    compact: upload.compact,
    jurisdiction: upload.jurisdiction,
    sequence: upload.sequence ?? 0,
    actor: upload.createdBy,
    requestId: upload.requestId,
    workflowId: currentCause().workflowId ?? '',
    today: dayIn(zone ?? 'Etc/GMT+4', now?.() ?? new Date()),
    abbreviations: Object.fromEntries(types.map((type) => [type.name, type.abbreviation])),
  }
}

async function encodeDuplicates(
  { blobs, cipher }: LicenseActivityDeps,
  upload: Upload,
  chunk: { readonly key: ChunkKey; readonly duplicates: readonly DuplicateRow[] },
): Promise<Uint8Array[]> {
  const { key, duplicates } = chunk
  const first = duplicates[0]
  const last = duplicates.at(-1)
  if (!first || !last) return []
  const { uploadId } = key
  const isFile = upload.kind === 'license'
  const bytes = isFile
    ? await blobs.readRange(getBlobKey(upload), first.byteStart, last.byteEnd)
    : Buffer.alloc(0)
  const lines = duplicates.map((place) => {
    const row = bytes.subarray(place.byteStart - first.byteStart, place.byteEnd - first.byteStart)
    return encodeFault({
      ...key,
      place,
      kind: 'duplicate',
      errors: duplicateFault(place.licenseType, place.firstRecord),
      rowCipher: isFile
        ? cipher.encrypt(row, rowContext(uploadId, place.record)).toString('hex')
        : undefined,
    })
  })
  return [Buffer.from(lines.join(''))]
}

function pickCounts(counts: ChunkCounts): ChunkCounts {
  const { accepted, duplicates, created, updated, unchanged, stale } = counts
  return { accepted, duplicates, created, updated, unchanged, stale }
}
