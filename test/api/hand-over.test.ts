import { randomUUID } from 'node:crypto'
import { createHandOver } from '../../api/hand-over.ts'
import type { Lane } from '../../core/profile/lanes.ts'
import { createPropagationStart } from '../../db/profile/propagation.ts'
import { enqueueStart, getStartBacklog } from '../../db/workflow-starts.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestTemporal, silentLog, type TestTemporal } from '../support/temporal.ts'

const CHANGES = 50

let database: TestDatabase
let temporal: TestTemporal

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
})
beforeEach(async () => {
  await database.db.query('delete from workflow_starts')
})
afterAll(async () => {
  await temporal.close()
  await database.close()
})

type Signal = { readonly serial: number; readonly lanes: readonly Lane[] }

/** What a workflow was told, in order; nobody works on it. */
async function listSignals(workflowId: string): Promise<Signal[]> {
  const { events = [] } = await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).fetchHistory(),
  )
  const payloads = (events ?? []).flatMap(
    ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.input?.payloads ?? [],
  )
  const decoded = await temporal.codec.decode(payloads)
  return decoded.map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as Signal)
}

async function handOverAll(
  profileId: string,
  lanesOf: (serial: number) => readonly Lane[],
): Promise<void> {
  const handOver = createHandOver({ db: database.db, temporal: temporal.client, log: silentLog })
  const sent: Promise<void>[] = []
  for (let serial = 1; serial <= CHANGES; serial += 1) {
    const request = { profileId, serial, lanes: lanesOf(serial), requestId: 'r-1' }
    const start = { ...createPropagationStart(request), taskQueue: `nobody-${profileId}` }
    sent.push(handOver(await enqueueStart(database.db, start), start))
  }
  await Promise.all(sent)
}

test('changes of one person that come while one is handed over go as one, the newest', async () => {
  const profileId = randomUUID()
  await handOverAll(profileId, () => [{ sink: 'directory', queue: 'sink:directory' }])
  const signals = await listSignals(`profile:${profileId}`)
  expect(signals.length).toBeGreaterThan(1)
  expect(signals.length).toBeLessThan(CHANGES)
  expect(signals.at(-1)?.serial).toBe(CHANGES)
  expect((await getStartBacklog(database.db)).waiting).toBe(0)
})

test('no lane that one of them asks for is left out', async () => {
  const profileId = randomUUID()
  const sinkOf = (serial: number): string => `sink-${serial % 3}`
  await handOverAll(profileId, (serial) => [{ sink: sinkOf(serial), queue: 'any' }])
  const signals = await listSignals(`profile:${profileId}`)
  for (const serial of [CHANGES - 2, CHANGES - 1, CHANGES]) {
    expect(signals.map((signal) => signal.serial)).toContain(serial)
  }
  expect((await getStartBacklog(database.db)).waiting).toBe(0)
})

test('what Temporal does not take is left to the relay, all of it', async () => {
  const away = createTestTemporal({ address: '127.0.0.1:1' })
  const handOver = createHandOver({ db: database.db, temporal: away.client, log: silentLog })
  const lanes = [{ sink: 'directory', queue: 'sink:directory' }]
  const profileId = randomUUID()
  const sent = [1, 2, 3].map(async (serial) => {
    const request = { profileId, serial, lanes, requestId: 'r-1' }
    const start = createPropagationStart(request)
    await handOver(await enqueueStart(database.db, start), start)
  })
  await Promise.all(sent)
  await away.close()
  expect((await getStartBacklog(database.db)).waiting).toBe(3)
})
