import { sendSignal } from '../connectors/temporal-update.ts'
import { isAppError } from '../core/errors.ts'
import {
  rosterReconcileWorkflowId,
  rosterStopSignal,
  rosterWorkflowId,
} from '../core/roster/workflow.ts'
import { findRosterWorkflow } from '../db/roster/run-workflow.ts'
import type { ApiContext } from './context.ts'

type Telling = Pick<ApiContext, 'db' | 'temporal' | 'log'>

// The run sees in its row that it is to end; the signal only makes that quicker.
const DEADLINE_MS = 2_000

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
