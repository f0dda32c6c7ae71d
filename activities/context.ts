import { AsyncLocalStorage } from 'node:async_hooks'
import { Context } from '@temporalio/activity'

/** Why an activity runs: the request that caused the run, and the run. */
export type ActivityCause = {
  readonly requestId?: string
  readonly workflowId?: string
  readonly runId?: string
}

const requestIds = new AsyncLocalStorage<string>()

/** The cause of the activity that is running, for audit entries, events and logs. */
export function currentCause(): ActivityCause {
  const requestId = requestIds.getStore()
  const execution = Context.current().info.workflowExecution
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(execution === undefined
      ? {}
      : { workflowId: execution.workflowId, runId: execution.runId }),
  }
}

/** Runs an activity so that `currentCause` knows its request. */
export async function runWithRequestId<T>(requestId: string, work: () => Promise<T>): Promise<T> {
  return await requestIds.run(requestId, work)
}
