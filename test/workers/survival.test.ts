import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { startEngine, type Engine } from '../../workers/engine.ts'
import { installRuntime } from '../../workers/runtime.ts'
import { waitUntil } from '../support/polling.ts'
import { startTestTemporalServer, type TestTemporalServer } from '../support/temporal-server.ts'
import {
  buildTestBundle,
  createTestTemporal,
  silentLog,
  type TestTemporal,
} from '../support/temporal.ts'
import type { EchoActivities, EchoInput } from '../support/workflows/echo.ts'

let bundlePath: string
let directory: string
let port: number
let temporal: TestTemporal
let server: TestTemporalServer | undefined
let engine: Engine
let states: boolean[]

// An activity that stays until the test lets it go.
let arrived: string[]
let letGo: () => void

beforeAll(async () => {
  installRuntime(silentLog)
  bundlePath = await buildTestBundle()
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-survival-'))
  port = await findFreePort()
  temporal = createTestTemporal({ address: `127.0.0.1:${port}` })
  arrived = []
  states = []
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const activities: EchoActivities = {
    async reply({ id }: EchoInput) {
      arrived.push(id)
      await gate
      return `done ${id}`
    },
  }
  engine = startEngine({
    temporal: temporal.client,
    access: { address: temporal.address },
    codec: temporal.codec,
    queues: ['first', 'second'],
    bundlePath,
    activities,
    log: silentLog,
    onPolling: (isPolling) => states.push(isPolling),
  })
})
afterEach(async () => {
  letGo()
  await engine.close()
  await temporal.close()
  await server?.stop()
  server = undefined
  await rm(directory, { recursive: true })
})
afterAll(async () => await rm(bundlePath))

async function startEcho(taskQueue: string): Promise<string> {
  const id = randomUUID()
  await waitUntil('Temporal takes the start', async () => {
    const start = {
      workflowId: id,
      workflowType: 'echo',
      taskQueue,
      input: { id },
      summary: 'Echo an id',
      requestId: id,
    }
    return await handOverStart(temporal.client, start).then(
      () => true,
      () => false,
    )
  })
  return id
}

async function getResult(workflowId: string): Promise<unknown> {
  return await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).result(),
    { deadlineMs: 60_000 },
  )
}

test('an engine started while Temporal is away works once it is there', async () => {
  server = await startTestTemporalServer({ directory, port })
  letGo()
  const ids = await Promise.all([startEcho('first'), startEcho('second')])
  await expect(Promise.all(ids.map(getResult))).resolves.toEqual(ids.map((id) => `done ${id}`))
})

test('a run whose activity was under way goes on after Temporal was killed and came back', async () => {
  server = await startTestTemporalServer({ directory, port })
  const id = await startEcho('first')
  await waitUntil('the activity runs', async () => await Promise.resolve(arrived.includes(id)))
  await server.kill()
  letGo()
  server = await startTestTemporalServer({ directory, port })
  await expect(getResult(id)).resolves.toBe(`done ${id}`)
  const next = await startEcho('second')
  await expect(getResult(next)).resolves.toBe(`done ${next}`)
})

test('an engine is closed in time while Temporal is away', async () => {
  server = await startTestTemporalServer({ directory, port })
  await waitUntil('the workers poll', async () => await Promise.resolve(states.includes(true)))
  await server.kill()
  server = undefined
  const startedAt = performance.now()
  await engine.close()
  expect(performance.now() - startedAt).toBeLessThan(30_000)
})
