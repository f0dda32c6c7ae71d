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

/** Whether nobody works on this workflow any more: its last run has ended, or Temporal knows none. */
export async function hasEnded(temporal: TemporalClient, workflowId: string): Promise<boolean> {
  try {
    const { status } = await temporal.call(
      async (client) => await client.workflow.getHandle(workflowId).describe(),
    )
    return ENDED.has(status.name)
  } catch (error) {
    if (isAppError(error, 'run_not_found')) return true
    throw error
  }
}
