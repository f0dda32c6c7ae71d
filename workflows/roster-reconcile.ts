import {
  CancellationScope,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow'
import type { RosterActivities } from '../activities/roster.ts'
import { rosterStopSignal, type RosterReconcileInput } from '../core/roster/workflow.ts'
import { longWork, shortWork } from './activity-options.ts'
import { showDetails } from './details.ts'
import { codeOf } from './failure-code.ts'

const stopAsked = defineSignal(rosterStopSignal)

const { reconcileRoster } = proxyActivities<Pick<RosterActivities, 'reconcileRoster'>>({
  ...longWork,
  summary: 'Compare the next accounts',
})
const { closeRosterReconcile } =
  proxyActivities<Pick<RosterActivities, 'closeRosterReconcile'>>(shortWork)

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
    const code = isStopped ? 'stopped' : isCancellation(error) ? 'cancelled' : codeOf(error)
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
