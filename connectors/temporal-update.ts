import { ApplicationFailure } from '@temporalio/common'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import type { CallOptions, TemporalClient } from './temporal.ts'

export type UpdateRequest = {
  readonly workflowId: string
  readonly name: string
  /** The same id is the same update: a second one is answered as the first was. */
  readonly updateId: string
  readonly input: Readonly<Record<string, unknown>>
}

/** `refused`: the run's validator or handler says no, with a code. */
export type UpdateAnswer =
  | { readonly refused: false; readonly value: unknown }
  | { readonly refused: true; readonly code: string }

/**
 * Sends an update to a running workflow and waits for its answer; throws `run_not_found` where none
 * runs, and `temporal_unavailable` when there is no answer in time: it may still be carried out.
 */
export async function sendUpdate(
  temporal: TemporalClient,
  request: UpdateRequest,
  options: CallOptions = {},
): Promise<UpdateAnswer> {
  const { workflowId, name, updateId, input } = request
  return await temporal.call(async (client) => {
    try {
      const handle = client.workflow.getHandle(workflowId)
      const value = await handle.executeUpdate<unknown, [unknown]>(name, {
        updateId,
        args: [input],
      })
      return { refused: false, value }
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error
      const type = error.cause instanceof ApplicationFailure ? error.cause.type : undefined
      return { refused: true, code: type ?? 'failed' }
    }
  }, options)
}

/** Sends a signal without content to a run; false where none runs under this id. */
export async function sendSignal(
  temporal: TemporalClient,
  { workflowId, name }: { readonly workflowId: string; readonly name: string },
  options: CallOptions = {},
): Promise<boolean> {
  return await temporal.call(async (client) => {
    try {
      await client.workflow.getHandle(workflowId).signal(name)
      return true
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    }
  }, options)
}
