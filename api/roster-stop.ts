import { sendSignal } from '../connectors/temporal-update.ts'
import { isAppError } from '../core/errors.ts'
import {
  rosterReconcileWorkflowId,
  rosterRunSubjectType,
  rosterStopSignal,
  rosterWorkflowId,
} from '../core/roster/workflow.ts'
import { appendAudit } from '../db/audit.ts'
import { withTransaction } from '../db/client.ts'
import { requestRosterStop } from '../db/roster/history.ts'
import { findRosterWorkflow } from '../db/roster/run-workflow.ts'
import type { RosterRun } from '../db/roster/runs.ts'
import type { ApiContext } from './context.ts'

type Telling = Pick<ApiContext, 'db' | 'temporal' | 'log'>

// The run sees in its row that it is to end; the signal only makes that quicker.
const DEADLINE_MS = 2_000

/** Asks a run to end, in the name of a caller; false where it is not under way. */
export async function stopRun(
  context: Telling,
  { id, tenant, providerId }: Pick<RosterRun, 'id' | 'tenant' | 'providerId'>,
  { subject, requestId }: { readonly subject: string; readonly requestId: string },
): Promise<boolean> {
  const isAsked = await withTransaction(context.db, async (tx) => {
    if (!(await requestRosterStop(tx, id))) return false
    await appendAudit(tx, [
      {
        actor: subject,
        action: 'roster.stop-requested',
        subject: { type: rosterRunSubjectType, id },
        cause: { requestId, tenant, providerId },
      },
    ])
    return true
  })
  if (isAsked) await signalRosterStop(context, id)
  return isAsked
}

/** Tells a run's workflow to end, wherever it is; best effort, never throws. */
export async function signalRosterStop(context: Telling, runId: string): Promise<void> {
  if (!context.temporal) return
  const own = await findRosterWorkflow(context.db, runId)
  await signalStop(context, [
    own ?? rosterWorkflowId(runId, 'pulling'),
    rosterWorkflowId(runId, 'applying'),
  ])
}

/** Tells the workflow of a comparison to end; best effort, never throws. */
export async function signalReconcileStop(context: Telling, reconcileId: string): Promise<void> {
  await signalStop(context, [rosterReconcileWorkflowId(reconcileId)])
}

async function signalStop(
  { temporal, log }: Pick<ApiContext, 'temporal' | 'log'>,
  workflowIds: readonly string[],
): Promise<void> {
  if (!temporal) return
  const signals = workflowIds.map(async (workflowId) => {
    const target = { workflowId, name: rosterStopSignal }
    await sendSignal(temporal, target, { deadlineMs: DEADLINE_MS })
  })
  for (const { status, reason } of await settle(signals)) {
    if (status === 'rejected' && isAppError(reason))
      log.info({ code: reason.code }, 'stop not told')
  }
}

async function settle(
  signals: readonly Promise<void>[],
): Promise<{ readonly status: string; readonly reason?: unknown }[]> {
  return await Promise.allSettled(signals)
}
