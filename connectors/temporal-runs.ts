import type { WorkflowExecutionStatusName } from '@temporalio/client'
import { isAppError } from '../core/errors.ts'
import type { TemporalClient } from './temporal.ts'

const ENDED: ReadonlySet<WorkflowExecutionStatusName> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'TIMED_OUT',
])

/** How a workflow is by its last run; `unknown`: Temporal has never heard of it, or no longer. */
export type RunStanding = 'under-way' | 'ended' | 'unknown'

/** Whether somebody works on this workflow. */
export async function findRunStanding(
  temporal: TemporalClient,
  workflowId: string,
): Promise<RunStanding> {
  try {
    const { status } = await temporal.call(
      async (client) => await client.workflow.getHandle(workflowId).describe(),
    )
    return ENDED.has(status.name) ? 'ended' : 'under-way'
  } catch (error) {
    if (isAppError(error, 'run_not_found')) return 'unknown'
    throw error
  }
}
