import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { currentCause } from '../../activities/context.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import {
  buildTestBundle,
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'
import type { EchoActivities } from '../support/workflows/echo.ts'

let temporal: TestTemporal
let worker: TestWorker
let bundlePath: string

const activities: EchoActivities = { reply: async ({ id }) => ({ id, cause: currentCause() }) }

beforeAll(async () => {
  bundlePath = await buildTestBundle()
  temporal = createTestTemporal()
  worker = await createTestWorker(temporal, { activities, bundlePath })
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await rm(bundlePath)
})

function createStart(overrides: Partial<WorkflowStart> = {}): WorkflowStart {
  const id = randomUUID()
  return {
    workflowId: `echo:${id}`,
    workflowType: 'echo',
    taskQueue: worker.taskQueue,
    input: { id },
    summary: 'Echo an id',
    requestId: `request-${id}`,
    ...overrides,
  }
}

test('handOverStart() starts a run whose activities know the request behind it', async () => {
  const start = createStart()
  await expect(handOverStart(temporal.client, start)).resolves.toBe('started')
  const result = await temporal.client.call(
    async (client) => await client.workflow.getHandle(start.workflowId).result(),
  )
  expect(result).toEqual({
    id: start.input['id'],
    cause: { requestId: start.requestId, workflowId: start.workflowId, runId: expect.any(String) },
  })
})
