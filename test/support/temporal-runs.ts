import type { TestTemporal, TestWorker } from './temporal.ts'

/** Waits until the workflow has ended, through all the runs that it goes on in. */
export async function waitForWorkflow(temporal: TestTemporal, workflowId: string): Promise<void> {
  await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).result(),
    { deadlineMs: 60_000 },
  )
}

/** The id of the run that is under way, or was last. */
export async function findRunId(temporal: TestTemporal, workflowId: string): Promise<string> {
  return await temporal.client.call(
    async (client) => (await client.workflow.getHandle(workflowId).describe()).runId,
  )
}

export type TestRun = {
  readonly workflowId: string
  readonly workflowType: string
  readonly input: object
}

/** Runs a workflow on the worker's queue to its end. */
export async function runWorkflow(
  temporal: TestTemporal,
  { taskQueue }: TestWorker,
  { workflowId, workflowType, input }: TestRun,
): Promise<void> {
  await temporal.client.call(
    async (client) =>
      await client.workflow.execute(workflowType, { workflowId, taskQueue, args: [input] }),
    { deadlineMs: 60_000 },
  )
}
