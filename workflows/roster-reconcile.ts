import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow'
import type { RosterActivities } from '../activities/roster.ts'
import type { RosterReconcileInput } from '../core/roster/workflow.ts'
import { showDetails } from './details.ts'

const retry = { initialInterval: '1 second', maximumInterval: '30 seconds' } as const

const { reconcileRoster } = proxyActivities<Pick<RosterActivities, 'reconcileRoster'>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '15 seconds',
  retry,
  summary: 'Compare the next accounts',
})
const { closeRosterReconcile } = proxyActivities<Pick<RosterActivities, 'closeRosterReconcile'>>({
  startToCloseTimeout: '1 minute',
  retry,
})

/**
 * Compares a roster's target with what was applied, and repairs it if its report says so. What it
 * cannot do ends the report with a code.
 */
export async function rosterReconcile({ reconcileId }: RosterReconcileInput): Promise<void> {
  try {
    for (;;) {
      const { state, compared } = await reconcileRoster({ reconcileId })
      showDetails(`${compared.toLocaleString('en-US')} accounts compared`, {})
      if (state === 'done') break
    }
    await closeRosterReconcile({ reconcileId })
  } catch (error) {
    // Also of one that an operator cancels: no run is to wait for it.
    await CancellationScope.nonCancellable(
      async () => await closeRosterReconcile({ reconcileId, code: codeOf(error) }),
    )
    if (isCancellation(error)) throw error
  }
}

function codeOf(error: unknown): string {
  if (isCancellation(error)) return 'cancelled'
  const cause = error instanceof ActivityFailure ? error.cause : error
  return (cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'unexpected'
}
