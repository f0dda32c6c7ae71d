import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { ApplicationFailure, type WorkflowFailedError } from '@temporalio/client'
import proto from '@temporalio/proto'
import { toFailure } from '../../activities/failures.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import { registerWithTemporal } from '../../workers/registration.ts'
import {
  buildTestBundle,
  createTestTemporal,
  createTestWorker,
  silentLog,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'
import type { EchoActivities } from '../support/workflows/echo.ts'

const CANARY = 'canary-4cd1'
const { History } = proto.temporal.api.history.v1

let temporal: TestTemporal
let worker: TestWorker
let bundlePath: string

const activities: EchoActivities = {
  async reply({ id }) {
    if (!id.startsWith('fail')) return await Promise.resolve({ answer: id })
    throw toFailure(new AppError('refused', `Cannot take "${id}"`, { status: 422 }))
  },
}

beforeAll(async () => {
  bundlePath = await buildTestBundle()
  temporal = createTestTemporal()
  await registerWithTemporal(temporal.client, silentLog)
  worker = await createTestWorker(temporal, { activities, bundlePath })
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await rm(bundlePath)
})

function createStart(workflowType: string, id: string): WorkflowStart {
  return {
    workflowId: `codec:${randomUUID()}`,
    workflowType,
    taskQueue: worker.taskQueue,
    input: { id },
    summary: `Summary ${CANARY}`,
    requestId: `request-${id.length}`,
  }
}

async function getResult(workflowId: string): Promise<unknown> {
  return await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).result(),
  )
}

// What the server holds of the run, in its own bytes.
async function fetchRaw(workflowId: string): Promise<string> {
  const history = await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).fetchHistory(),
  )
  return Buffer.from(History.encode(history).finish()).toString('latin1')
}

test('the server holds no clear text of a run that succeeds', async () => {
  const start = createStart('echo', CANARY)
  await handOverStart(temporal.client, start)
  await expect(getResult(start.workflowId)).resolves.toEqual({ answer: CANARY })
  const raw = await fetchRaw(start.workflowId)
  expect(raw.includes('binary/encrypted')).toBe(true)
  expect(raw.includes(CANARY)).toBe(false)
})

test('the server holds no message, details or stack of a run that fails, and clients read them', async () => {
  const start = createStart('fail', `fail-${CANARY}`)
  await handOverStart(temporal.client, start)
  const error = await getResult(start.workflowId).catch((thrown: AppError) => thrown)
  const failure = (error as AppError).cause as WorkflowFailedError // a run that failed
  expect(failure.cause).toBeInstanceOf(ApplicationFailure)
  expect(failure.cause).toMatchObject({
    type: 'failed_on_purpose',
    message: `Cannot go on for fail-${CANARY}`,
  })
  const raw = await fetchRaw(start.workflowId)
  expect(raw.includes('failed_on_purpose')).toBe(true)
  expect(raw.includes(CANARY)).toBe(false)
  expect(raw.includes('fail.ts')).toBe(false)
})

test('the memo and the search attributes name the request, so that operators find its runs', async () => {
  const domain = { RegistrarDomain: 'license', RegistrarCompact: 'aslp' }
  const start = { ...createStart('echo', CANARY), searchAttributes: domain }
  await handOverStart(temporal.client, start)
  const description = await temporal.client.call(
    async (client) => await client.workflow.getHandle(start.workflowId).describe(),
  )
  expect(description.memo).toEqual({ requestId: start.requestId })
  const found = description.typedSearchAttributes.getAll()
  expect(Object.fromEntries(found.map(({ key, value }) => [key.name, value]))).toMatchObject({
    ...domain,
    RegistrarRequestId: start.requestId,
  })
})

test('a client with another key ring reads nothing', async () => {
  const start = createStart('echo', CANARY)
  await handOverStart(temporal.client, start)
  await getResult(start.workflowId)
  const stranger = createTestTemporal()
  const result = stranger.client.call(
    async (client) => await client.workflow.getHandle(start.workflowId).result(),
  )
  await expect(result).rejects.toBeInstanceOf(AppError)
  await stranger.close()
})
