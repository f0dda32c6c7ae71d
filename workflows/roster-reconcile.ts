import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow'
import type { RosterActivities } from '../activities/roster.ts'
import { rosterStopSignal, type RosterReconcileInput } from '../core/roster/workflow.ts'
import { showDetails } from './details.ts'

const stopAsked = defineSignal(rosterStopSignal)

const retry = { initialInterval: '1 second', maximumInterval: '30 seconds' } as const

const { reconcileRoster } = proxyActivities<Pick<RosterActivities, 'reconcileRoster'>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '15 seconds',
  retry,
  summary: 'Compare the next accounts',
  // The report is closed after the last write, never before.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})
const { closeRosterReconcile } = proxyActivities<Pick<RosterActivities, 'closeRosterReconcile'>>({
  startToCloseTimeout: '1 minute',
  retry,
})

/**
 * Compares a roster's target with what was applied, and repairs it if its report says so. What it
 * cannot do ends the report with a code; what is asked to stop ends within seconds.
 */
export async function rosterReconcile({ reconcileId }: RosterReconcileInput): Promise<void> {
  const scope = new CancellationScope()
  let isStopped = false
  setHandler(stopAsked, () => {
    isStopped = true
    scope.cancel()
  })
  try {
    await scope.run(async () => await compare(reconcileId))
  } catch (error) {
    const code = isStopped ? 'stopped' : codeOf(error)
    // Also of one that an operator cancels: no run is to wait for it.
    await CancellationScope.nonCancellable(
      async () => await closeRosterReconcile({ reconcileId, code }),
    )
    if (isCancellation(error) && !isStopped) throw error
  }
}

async function compare(reconcileId: string): Promise<void> {
  for (;;) {
    const { state, compared } = await reconcileRoster({ reconcileId })
    showDetails(`${compared.toLocaleString('en-US')} accounts compared`, {})
    if (state === 'done') break
  }
  await closeRosterReconcile({ reconcileId })
}

function codeOf(error: unknown): string {
  if (isCancellation(error)) return 'cancelled'
  const cause = error instanceof ActivityFailure ? error.cause : error
  return (cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'unexpected'
}
