import { rollbackApprovalType } from '../../core/license/rollback.ts'
import { supersedeApproval } from '../approval/open.ts'
import type { Queryable } from '../client.ts'
import { isPlanCurrent } from './rollback-plan.ts'
import { endRollback, lockWaitingRollbacks } from './rollbacks.ts'

/**
 * Ends rollbacks of a jurisdiction that wait for a decision and whose plans do not hold any more,
 * because licenses were changed since: their votes were for something else. Their approvals' runs
 * hear of it from the outbox.
 */
export async function supersedeBrokenPlans(
  tx: Queryable,
  change: { readonly compact: string; readonly jurisdiction: string; readonly requestId: string },
): Promise<void> {
  const { requestId } = change
  for (const { id } of await lockWaitingRollbacks(tx, change)) {
    if (await isPlanCurrent(tx, id)) continue
    await endRollback(tx, id, { state: 'superseded' })
    const subject = { type: rollbackApprovalType, id }
    await supersedeApproval(tx, { type: rollbackApprovalType, subject, requestId })
  }
}
