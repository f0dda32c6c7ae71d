import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  defineQuery,
  defineSignal,
  isCancellation,
  setHandler,
} from '@temporalio/workflow'
import { IngestRun, type ClosedBooks, type Ending } from './license-ingest-run.ts'
import type { IngestProgress } from './license-progress.ts'
import { cancelUploadSignal, ingestProgressQuery, type LicenseIngestInput } from './messages.ts'

const cancelUpload = defineSignal<[unknown]>(cancelUploadSignal)
const readProgress = defineQuery<IngestProgress>(ingestProgressQuery)

/**
 * Takes one upload from its file to closed books: cuts it into chunks, checks and stages them while
 * they are found, separates duplicates, writes chunk by chunk. Only ids and counts come through
 * here. However it ends, the books are closed: cancelled, it keeps what is committed already.
 */
export async function licenseIngest({ uploadId }: LicenseIngestInput): Promise<ClosedBooks> {
  const run = new IngestRun(uploadId)
  const scope = new CancellationScope()
  setHandler(cancelUpload, () => scope.cancel())
  setHandler(readProgress, () => run.progress)
  const ending = await findEnding(async () => await scope.run(async () => await run.ingest()))
  return await CancellationScope.nonCancellable(async () => await run.close(ending))
}

async function findEnding(ingest: () => Promise<Ending>): Promise<Ending> {
  try {
    return await ingest()
  } catch (error) {
    if (isCancellation(error)) return { state: 'cancelled' }
    if (!(error instanceof ActivityFailure)) throw error
    const type = error.cause instanceof ApplicationFailure ? error.cause.type : undefined
    // An activity saw the request to cancel before its signal came here.
    if (type === 'upload_ended') return { state: 'cancelled' }
    return { state: 'failed', failureCode: type ?? 'unexpected' }
  }
}
