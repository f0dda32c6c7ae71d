import { CancellationScope, proxyActivities } from '@temporalio/workflow'
import type { SourceActivities, SourceCounts } from '../activities/source.ts'
import type { SourcePullInput } from '../core/source/workflow.ts'
import { longWork, shortWork } from './activity-options.ts'
import { showDetails } from './details.ts'
import { codeOf } from './failure-code.ts'

const { openSourceRun, closeSourceRun, failSourceRun } =
  proxyActivities<SourceActivities>(shortWork)

// A source that stays away fails the run: the next one finds it as it is then.
const { readSource } = proxyActivities<Pick<SourceActivities, 'readSource'>>({
  ...longWork,
  retry: { ...longWork.retry, maximumAttempts: 4 },
  summary: 'Read the source',
})

const { compareSource } = proxyActivities<Pick<SourceActivities, 'compareSource'>>({
  ...longWork,
  summary: 'Compare with the vault',
})

const { postSourceItems } = proxyActivities<Pick<SourceActivities, 'postSourceItems'>>({
  ...longWork,
  summary: 'Post the next changes',
})

/**
 * Pulls persons from a source: reads, compares, and posts what differs, or leaves it held for a
 * decision. A run that was held goes on with exactly what it kept.
 */
export async function sourcePull(input: SourcePullInput): Promise<void> {
  const { source, from = 'reading' } = input
  const runId = input.runId ?? (await openSourceRun({ source })).runId
  if (runId === undefined) {
    showDetails('Nothing done: another run is under way', { Source: source })
    return
  }
  try {
    if (from === 'posting' || (await prepare(source, runId)) === 'posting') {
      await post(source, runId)
    }
  } catch (error) {
    // A call that was broken off fails in words of its own.
    const isCancelled = CancellationScope.current().consideredCancelled
    const code = isCancelled ? 'cancelled' : codeOf(error)
    // Also of a run that an operator cancels: the next one is not to wait for it.
    await CancellationScope.nonCancellable(async () => await failSourceRun({ runId, code }))
    showDetails('Failed', { Source: source, Code: code })
    if (isCancelled) throw error
  }
}

async function prepare(source: string, runId: string): Promise<string> {
  showDetails('Reading', { Source: source })
  const { read } = await readSource({ runId })
  showDetails('Comparing', { Source: source, Read: read })
  const { state, counts } = await compareSource({ runId })
  show(state, source, counts)
  return state
}

async function post(source: string, runId: string): Promise<void> {
  for (;;) {
    const { pending, counts } = await postSourceItems({ runId })
    show(`posting, ${pending} left`, source, counts)
    if (pending === 0) break
  }
  const { state, counts } = await closeSourceRun({ runId })
  show(state, source, counts)
}

function show(state: string, source: string, counts: SourceCounts): void {
  showDetails(state.charAt(0).toUpperCase() + state.slice(1), { Source: source, ...counts })
}
