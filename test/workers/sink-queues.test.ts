import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { withFailures } from '../../activities/failures.ts'
import { createSinkActivities } from '../../activities/sink.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { listLanes, type Lane } from '../../core/profile/lanes.ts'
import type { ProfileSink } from '../../core/profile/sink.ts'
import { createPropagationStart } from '../../db/profile/propagation.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestProfile, storeTestProfile } from '../support/profiles.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

// More than a worker delivers to one sink at once.
const PERSONS = 10

const over = new AbortController()
// Other tests of this run have sinks too.
const works = new MemorySink(`works-${randomUUID()}`)
const silent = new MemorySink(`hangs-${randomUUID()}`)
const hangs: ProfileSink = {
  name: silent.name,
  kind: 'auth0',
  async deliver(delivery) {
    if (!over.signal.aborted) await once(over.signal, 'abort')
    return await silent.deliver(delivery)
  },
  compare: async (delivery) => await silent.compare(delivery),
  close: async () => await silent.close(),
}
const lanes = listLanes([works, hangs].map(({ name }) => ({ name, kind: 'auth0' })))

let database: TestDatabase
let temporal: TestTemporal
let workers: TestWorker[]

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
  const sinks = new Map([works, hangs].map((sink) => [sink.name, sink]))
  const activities = withFailures(createSinkActivities({ db: database.db, sinks }))
  const queues = [`registrar-${randomUUID()}`, ...lanes.map(({ queue }) => queue)]
  workers = await Promise.all(
    queues.map(async (taskQueue) => await createTestWorker(temporal, { activities, taskQueue })),
  )
})
afterAll(async () => {
  await Promise.all(workers.map(async (worker) => await worker.close()))
  await temporal.close()
  await database.close()
})

async function propagate(seed: number, toLanes: readonly Lane[]): Promise<void> {
  const { id, serial } = await storeTestProfile(database.db, createTestProfile({ seed }))
  const start = createPropagationStart({
    profileId: id,
    serial,
    lanes: toLanes,
    requestId: 'r-1',
  })
  const taskQueue = workers[0]?.taskQueue ?? ''
  await handOverStart(temporal.client, { ...start, taskQueue })
}

test('a sink that hangs takes no place from another one of its kind', async () => {
  for (let seed = 1; seed <= PERSONS; seed += 1) await propagate(seed, lanes)
  await waitUntil(
    'everybody is where it works',
    async () => await Promise.resolve(works.delivered.length === PERSONS),
  )
  expect(silent.attempts).toBe(0)
  over.abort()
  await waitUntil(
    'everybody is where it hung',
    async () => await Promise.resolve(silent.delivered.length === PERSONS),
  )
})
