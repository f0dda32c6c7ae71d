import { randomUUID } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/common'
import { pino } from 'pino'
import { registerWithTemporal } from '../../workers/registration.ts'
import { installRuntime, toTemporalLogger } from '../../workers/runtime.ts'
import { taskQueues } from '../../workflows/messages.ts'
import { waitUntil } from '../support/polling.ts'
import {
  createTestTemporal,
  createTestWorker,
  silentLog,
  type TestTemporal,
} from '../support/temporal.ts'

const lines: string[] = []

let temporal: TestTemporal

beforeAll(async () => {
  installRuntime(pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }))
  // Other tests deliver by the queues of sinks in the usual one.
  temporal = createTestTemporal({ namespace: `runtime-${randomUUID()}` })
  await waitUntil('the namespace is known', async () => {
    return await registerWithTemporal(temporal.client, silentLog).then(
      () => true,
      () => false,
    )
  })
})
afterAll(async () => await temporal.close())

test('a worker on the queue of a sink, which takes no workflows, says nothing about it', async () => {
  const activities = { deliverToSink: async () => await Promise.resolve() }
  const worker = await createTestWorker(temporal, { activities, taskQueue: taskQueues.sinkSql })
  await worker.close()
  const logged = lines.map((line) => JSON.parse(line) as { level: number; msg: string })
  expect(logged.map(({ msg }) => msg)).toContain('Worker state changed')
  expect(logged.filter(({ level }) => level >= 40)).toEqual([])
})

test.each([
  ['sent away from a sink that is down', 'sink_down', 20],
  ['that has failed in another way', 'http_500', 40],
])('a delivery %s is logged as "%s" at level %d', (_, type, level) => {
  const written: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void written.push(line) })
  toTemporalLogger(log).warn('Activity failed', { error: ApplicationFailure.create({ type }) })
  expect(written.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([level])
})
