import { withTransaction, type Database } from '../../db/client.ts'
import { recordStaged, type StagedCounts } from '../../db/license/chunk-books.ts'
import {
  getChunk,
  holdUploadOpen,
  isChunkStaged,
  lockChunk,
  type BookedChunk,
} from '../../db/license/chunk-lock.ts'
import { listKnownProviders, type KnownProviders } from '../../db/license/known-providers.ts'
import {
  copyFaults,
  copyStagedRows,
  markChunkStaged,
  type ChunkKey,
} from '../../db/license/staging.ts'
import { isRollbackApplying } from '../../db/license/rollbacks.ts'
import { hasOlderOpenUpload } from '../../db/license/upload-order.ts'
import { findPayload, payloadContext } from '../../db/upload-receipt.ts'
import { getUpload, type Upload } from '../../db/uploads.ts'
import type { ChunkSource } from './chunk-input.ts'
import { getHeader } from './index-file.ts'
import { getBlobKey, throwUploadEnded, type LicenseActivityDeps } from './license-deps.ts'
import type { OpenChunk } from './parse-pool.ts'

/**
 * Checks the rows of one chunk and stages the valid ones; the others are kept with their faults. One
 * transaction: a chunk that is staged already is left as it is.
 */
export async function stageChunk(deps: LicenseActivityDeps, key: ChunkKey): Promise<StagedCounts> {
  const booked = await getChunk(deps.db, key)
  if (await isChunkStaged(deps.db, key)) return pickCounts(booked)
  const upload = await getUpload(deps.db, key.uploadId)
  const chunk = await parseChunk(deps, upload, { key, booked })
  const rows = await finishRows(deps.db, upload, chunk)
  await withTransaction(deps.db, async (tx) => {
    // Losing this commit in a crash loses the staged rows as well: both are done again.
    await tx.query('set local synchronous_commit = off')
    if (!(await holdUploadOpen(tx, key.uploadId))) throwUploadEnded(key.uploadId)
    const lock = await lockChunk(tx, key)
    if (lock.isStaged) return
    await copyStagedRows(tx, key.uploadId, rows)
    await markChunkStaged(tx, key)
    if (lock.hasStagedBefore) return
    await copyFaults(tx, chunk.faults)
    await recordStaged(tx, key, chunk)
  })
  return pickCounts(chunk)
}

async function parseChunk(
  deps: LicenseActivityDeps,
  upload: Upload,
  { key, booked }: { readonly key: ChunkKey; readonly booked: BookedChunk },
): Promise<OpenChunk> {
  const { compact, jurisdiction } = upload
  const source = await readSource(deps, upload, booked)
  return await deps.pool.parse({ ...key, compact, jurisdiction, source })
}

async function readSource(
  deps: LicenseActivityDeps,
  upload: Upload,
  { byteStart, byteEnd, firstLine, firstRecord }: BookedChunk,
): Promise<ChunkSource> {
  if (upload.kind === 'license-post') {
    return { kind: 'records', bytes: await readPayload(deps, upload.id) }
  }
  const header = await getHeader(deps, upload)
  const bytes = await deps.blobs.readRange(getBlobKey(upload), byteStart, byteEnd)
  const from = { byte: byteStart, line: firstLine, record: firstRecord }
  return { kind: 'csv', bytes, header, from }
}

async function readPayload({ db, cipher }: LicenseActivityDeps, id: string): Promise<Uint8Array> {
  const ciphertext = await findPayload(db, id)
  if (!ciphertext) throwUploadEnded(id)
  return cipher.decrypt(ciphertext, payloadContext(id))
}

async function finishRows(db: Database, upload: Upload, chunk: OpenChunk): Promise<Uint8Array[]> {
  try {
    return await chunk.finish(await findOwners(db, upload, chunk.ssnHashes))
  } catch (error) {
    await chunk.discard().catch(() => {})
    throw error
  }
}

// What is stored decides here and now that a row is unchanged, unless an older upload or a rollback
// may still replace it: then the row has to be looked at again when it is applied.
async function findOwners(
  db: Database,
  { compact, jurisdiction, sequence = 0 }: Upload,
  hashes: Uint8Array,
): Promise<KnownProviders> {
  const place = { compact, jurisdiction }
  const isSettled =
    !(await hasOlderOpenUpload(db, { ...place, sequence })) &&
    !(await isRollbackApplying(db, place))
  return await listKnownProviders(db, { ...place, hashes, withContents: isSettled })
}

function pickCounts({ records, rejected }: StagedCounts): StagedCounts {
  return { records, rejected }
}
