import { rosterPlanApprovalType, rosterRunSubjectType } from '../../core/roster/workflow.ts'
import type { Transaction } from '../../db/client.ts'
import { openApproval } from '../../db/approval/open.ts'
import { setRosterApproval, setRosterRunState } from '../../db/roster/run-states.ts'
import { insertRosterEvent } from '../../db/roster/events.ts'
import type { RunParts } from './roster-deps.ts'

/** Puts a run off until somebody has decided on exactly its plan. */
export async function hold(tx: Transaction, { run, provider }: RunParts): Promise<void> {
  const { id, tenant, requestId, startedBy, planHash, guard, counts, mode } = run
  await setRosterRunState(tx, id, 'held')
  const tripped = (guard ?? []).filter((judgement) => judgement.tripped)
  const { approvalId } = await openApproval(tx, {
    type: rosterPlanApprovalType,
    subject: { type: rosterRunSubjectType, id, hash: planHash ?? '' },
    summary: { syncId: id, provider: provider.settings.name, mode, counts, tripped },
    tenant,
    ...(startedBy !== null && { requester: startedBy }),
    requestId,
  })
  await setRosterApproval(tx, id, approvalId)
  await insertRosterEvent(tx, id, 'roster.held')
}
