import { withTransaction } from '../db/client.ts'
import type { ChunkCounts, StagedCounts } from '../db/license/chunk-books.ts'
import type { ChunkKey } from '../db/license/staging.ts'
import { dropStaging } from '../db/license/staging.ts'
import { refreshStatistics } from '../db/license/statistics.ts'
import { sweepStaging } from '../db/license/staging-sweep.ts'
import { applyChunk, prepareRows } from './license/apply-chunk.ts'
import { withHeartbeat } from './heartbeat.ts'
import { indexFile, type IndexInput, type IndexOutcome } from './license/index-file.ts'
import type { LicenseActivityDeps } from './license/license-deps.ts'
import { withPatience } from './license/patience.ts'
import { stageChunk } from './license/stage-chunk.ts'

export type LicenseUploadInput = { readonly uploadId: string }

/** The activities of a license ingest; each may run twice, and only ids and counts go in and out. */
export type LicenseActivities = {
  /** Cuts the file's next segment into chunks; the first call also judges the header. */
  readonly indexFile: (input: IndexInput) => Promise<IndexOutcome>
  /** Checks one chunk's rows and stages the valid ones. */
  readonly stageChunk: (input: ChunkKey) => Promise<StagedCounts>
  /** Separates duplicates among all staged rows and returns how many there are. */
  readonly separateDuplicates: (input: LicenseUploadInput) => Promise<number>
  /** Writes one chunk's rows into the licenses. */
  readonly applyChunk: (input: ChunkKey) => Promise<ChunkCounts>
  /** Drops the upload's staged rows and what terminated runs left; tells the planner of many new rows. */
  readonly dropStaging: (input: LicenseUploadInput) => Promise<void>
}

/** Creates the activities of a license ingest: they heartbeat all along and outlast an outage. */
export function createLicenseActivities(deps: LicenseActivityDeps): LicenseActivities {
  return {
    indexFile: async (input) => await run(async () => await indexFile(deps, input)),
    stageChunk: async ({ uploadId, chunk }) =>
      await run(async () => await stageChunk(deps, { uploadId, chunk })),
    separateDuplicates: async ({ uploadId }) =>
      await run(async () => await prepareRows(deps, uploadId)),
    applyChunk: async ({ uploadId, chunk }) =>
      await run(async () => await applyChunk(deps, { uploadId, chunk })),
    dropStaging: async ({ uploadId }) =>
      await run(async () => {
        await withTransaction(deps.db, async (tx) => await dropStaging(tx, uploadId))
        await sweepStaging(deps.db)
        await refreshStatistics(deps.db, uploadId)
      }),
  }
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  return await withPatience(async () => await withHeartbeat(work))
}
