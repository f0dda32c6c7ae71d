import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { log as activityLog } from '@temporalio/activity'
import { pino } from 'pino'
import { currentCause } from '../../activities/context.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import { installRuntime } from '../../workers/runtime.ts'
import { waitUntil } from '../support/polling.ts'
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

const lines: string[] = []
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })

const activities: EchoActivities = {
  async reply({ id }) {
    activityLog.info('Replying', { id })
    return await Promise.resolve({ id, cause: currentCause() })
  },
}

beforeAll(async () => {
  installRuntime(log)
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

test('what an activity logs names the request, the run and nothing of the task token', async () => {
  const start = createStart()
  await handOverStart(temporal.client, start)
  const isOurs = (line: string): boolean => line.includes(`"id":"${String(start.input['id'])}"`)
  await waitUntil('the line is written', async () => await Promise.resolve(lines.some(isOurs)))
  const line: unknown = JSON.parse(lines.find(isOurs) ?? '')
  expect(line).toMatchObject({
    level: 30,
    msg: 'Replying',
    requestId: start.requestId,
    workflowId: start.workflowId,
    activityType: 'reply',
  })
  expect(line).not.toHaveProperty('taskToken')
})
