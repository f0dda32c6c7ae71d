import {
  CancellationScope,
  ContinueAsNew,
  continueAsNew,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow'
import type { SignatureActivities } from '../activities/signature.ts'
import { longWork, shortWork } from './activity-options.ts'
import { showDetails } from './details.ts'

export type SignatureCheckInput = {
  /** A schedule names no run, which is then opened first. */
  readonly runId?: string
  /** Where an earlier run left off. */
  readonly cursor?: string | undefined
}

const { openSignatureRun, closeSignatureRun } = proxyActivities<SignatureActivities>(shortWork)

const { checkSignatures } = proxyActivities<Pick<SignatureActivities, 'checkSignatures'>>({
  ...longWork,
  summary: 'Look at the next persons',
})

/** Looks at every signature of the vault, page by page, and signs anew what other keys have signed. */
export async function signatureCheck(input: SignatureCheckInput): Promise<void> {
  const runId = input.runId ?? (await openSignatureRun()).runId
  if (runId === undefined) {
    showDetails('Nothing done: nobody is in the vault, or another run is under way', {})
    return
  }
  try {
    await checkAll(runId, input.cursor)
    await closeSignatureRun({ runId, state: 'succeeded' })
  } catch (error) {
    // Also of a run that an operator cancels: the next one is not to wait for it.
    if (!(error instanceof ContinueAsNew)) {
      await CancellationScope.nonCancellable(
        async () => await closeSignatureRun({ runId, state: 'failed' }),
      )
    }
    throw error
  }
}

async function checkAll(runId: string, from: string | undefined): Promise<void> {
  let cursor = from
  for (;;) {
    const page = await checkSignatures({ runId, cursor })
    showDetails(`${page.counts.persons.toLocaleString('en-US')} persons looked at`, page.counts)
    if (page.cursor === undefined) return
    cursor = page.cursor
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof signatureCheck>({ runId, cursor })
    }
  }
}
