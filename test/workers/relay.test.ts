import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../cli/embedded/ports.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import { claimDueStarts, enqueueStart, getStartBacklog } from '../../db/workflow-starts.ts'
import { relayBatch, startRelay } from '../../workers/relay.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/polling.ts'
import { startTestTemporalServer } from '../support/temporal-server.ts'
import { createTestTemporal, silentLog, type TestTemporal } from '../support/temporal.ts'

let database: TestDatabase
let temporal: TestTemporal

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
})
afterEach(async () => {
  await database.db.query('delete from workflow_starts')
})
afterAll(async () => {
  await temporal.close()
  await database.close()
})

// Nobody works on these queues: a run that was started stays open.
function createStart(overrides: Partial<WorkflowStart> = {}): WorkflowStart {
  const id = randomUUID()
  return {
    workflowId: `relay:${id}`,
    workflowType: 'echo',
    taskQueue: `nobody-${id}`,
    input: { id },
    summary: 'Wait for nobody',
    requestId: `request-${id}`,
    ...overrides,
  }
}

async function enqueueDue(starts: readonly WorkflowStart[]): Promise<void> {
  for (const start of starts) await enqueueStart(database.db, start)
  await database.db.query('update workflow_starts set next_attempt_at = now()')
}

async function countRuns(client: TestTemporal, workflowId: string): Promise<number> {
  return await client.client.call(async ({ workflow }) => {
    const { count } = await workflow.count(`WorkflowId = "${workflowId}"`)
    return count
  })
}

test('a start is left to the process that accepted it for some seconds', async () => {
  await enqueueStart(database.db, createStart())
  await expect(claimDueStarts(database.db, { limit: 10, leaseSeconds: 10 })).resolves.toEqual([])
})

test('claimDueStarts() gives a start to one of many, and to another when the lease ends', async () => {
  await enqueueDue([createStart(), createStart(), createStart()])
  const claims = await Promise.all(
    [1, 2, 3, 4].map(async () => await claimDueStarts(database.db, { limit: 2, leaseSeconds: 1 })),
  )
  const ids = claims.flat().map((start) => start.id)
  expect(ids).toHaveLength(3)
  expect(new Set(ids).size).toBe(3)
  const again = new Set<number>()
  await waitUntil('the leases have ended', async () => {
    const claimed = await claimDueStarts(database.db, { limit: 10, leaseSeconds: 60 })
    for (const start of claimed) again.add(start.id)
    return again.size === 3
  })
  expect(again).toEqual(new Set(ids))
})

test('two relays hand over every start exactly once', async () => {
  const starts = Array.from({ length: 60 }, () => createStart())
  await enqueueDue(starts)
  let handedOver = 0
  const deps = {
    db: database.db,
    temporal: temporal.client,
    log: silentLog,
    onHandedOver: (count: number) => void (handedOver += count),
  }
  const relays = [startRelay(deps), startRelay(deps)]
  await waitUntil(
    'the outbox is empty',
    async () => (await getStartBacklog(database.db)).waiting === 0,
  )
  await Promise.all(relays.map(async (relay) => await relay.close()))
  expect(handedOver).toBe(60)
  for (const { workflowId } of starts) {
    await waitUntil('the run is listed', async () => (await countRuns(temporal, workflowId)) === 1)
  }
})

test('a start handed over twice makes one run', async () => {
  const start = createStart()
  await enqueueDue([start, start])
  await relayBatch({ db: database.db, temporal: temporal.client, log: silentLog })
  await expect(getStartBacklog(database.db)).resolves.toMatchObject({ waiting: 0 })
  await waitUntil(
    'the run is listed',
    async () => (await countRuns(temporal, start.workflowId)) === 1,
  )
})

test('a start with a signal starts the run once and signals it as often as asked', async () => {
  const start = createStart({ signal: { name: 'wake', input: { n: 1 } } })
  await enqueueDue([start, start])
  await relayBatch({ db: database.db, temporal: temporal.client, log: silentLog })
  const types = await temporal.client.call(async ({ workflow }) => {
    const { events } = await workflow.getHandle(start.workflowId).fetchHistory()
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes)
  })
  expect(types).toHaveLength(2)
})

test('a start that Temporal rejects waits longer each time and keeps nobody else waiting', async () => {
  const bad = createStart({ taskQueue: 'x'.repeat(2_000) })
  const good = createStart()
  await enqueueDue([bad, good])
  await relayBatch({ db: database.db, temporal: temporal.client, log: silentLog })
  const { rows } = await database.db.query<{ workflow_id: string; is_later: boolean }>(
    'select workflow_id, next_attempt_at > now() as is_later from workflow_starts',
  )
  expect(rows).toEqual([{ workflow_id: bad.workflowId, is_later: true }])
})

test('what was accepted while Temporal was away starts once it is back', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-relay-'))
  const port = await findFreePort()
  const away = createTestTemporal({ address: `127.0.0.1:${port}` })
  const starts = Array.from({ length: 25 }, () => createStart())
  await enqueueDue(starts)
  const deps = { db: database.db, temporal: away.client, log: silentLog }
  await expect(relayBatch(deps)).rejects.toMatchObject({ code: 'temporal_unavailable' })
  await expect(getStartBacklog(database.db)).resolves.toMatchObject({ waiting: 25 })
  const relay = startRelay(deps)
  const server = await startTestTemporalServer({ directory, port })
  await waitUntil(
    'the outbox is empty',
    async () => (await getStartBacklog(database.db)).waiting === 0,
  )
  await relay.close()
  for (const { workflowId } of starts) {
    await waitUntil('the run is listed', async () => (await countRuns(away, workflowId)) === 1)
  }
  await away.close()
  await server.stop()
  await rm(directory, { recursive: true })
})
