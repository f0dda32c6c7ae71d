import {
  ActivityFailure,
  CancellationScope,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  setHandler,
} from '@temporalio/workflow'
import { cancelUploadSignal } from '../core/license/workflow.ts'
import { codeOf } from './failure-code.ts'
import {
  IngestRun,
  type ClosedBooks,
  type IngestRunOptions,
  type Outcome,
} from './license-ingest-run.ts'
import type { IngestProgress } from './license-progress.ts'
import { ingestProgressQuery } from './messages.ts'

const cancelUpload = defineSignal<[unknown]>(cancelUploadSignal)
const readProgress = defineQuery<IngestProgress>(ingestProgressQuery)

/**
 * Takes one upload from its file to closed books: cuts it into chunks, checks and stages them while
 * they are found, separates duplicates, writes chunk by chunk. Only ids and counts come through
 * here. However it ends, the books are closed: cancelled, it keeps what is committed already.
 */
export async function licenseIngest(input: IngestRunOptions): Promise<ClosedBooks> {
  const run = new IngestRun(input)
  const scope = new CancellationScope()
  setHandler(cancelUpload, () => scope.cancel())
  setHandler(readProgress, () => run.state.progress)
  const outcome = await findOutcome(async () => await scope.run(async () => await run.ingest()))
  if (outcome.state === 'paused') {
    return await continueAsNew<typeof licenseIngest>({ ...input, state: run.state })
  }
  return await CancellationScope.nonCancellable(async () => await run.close(outcome))
}

async function findOutcome(ingest: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await ingest()
  } catch (error) {
    if (isCancellation(error)) return { state: 'cancelled' }
    if (!(error instanceof ActivityFailure)) throw error
    const failureCode = codeOf(error)
    // An activity saw the request to cancel before its signal came here.
    return failureCode === 'upload_ended'
      ? { state: 'cancelled' }
      : { state: 'failed', failureCode }
  }
}
