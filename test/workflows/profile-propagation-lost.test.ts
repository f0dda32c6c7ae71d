import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { withFailures } from '../../activities/failures.ts'
import { createSinkActivities, type SinkActivities } from '../../activities/sink.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { createPropagationStart } from '../../db/profile/propagation.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { createTestProfile, storeTestProfile, type StoredProfile } from '../support/profiles.ts'
import { createTestTemporal, createTestWorker, type TestTemporal } from '../support/temporal.ts'

const HEARTBEAT_TIMEOUT_MS = 12_000
const START_TO_CLOSE_MS = 90_000

let database: TestDatabase
let temporal: TestTemporal

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
})
afterAll(async () => {
  await temporal.close()
  await database.close()
})

type Person = Pick<StoredProfile, 'id' | 'serial'>

async function propagate(
  person: Person,
  activities: SinkActivities,
  over = new AbortController(),
): Promise<void> {
  const worker = await createTestWorker(temporal, { activities: withFailures({ ...activities }) })
  const lanes = [{ sink: 'directory', queue: worker.taskQueue }]
  const { id: profileId, serial } = person
  const start = createPropagationStart({ profileId, serial, lanes, requestId: 'r-1' })
  await handOverStart(temporal.client, { ...start, taskQueue: worker.taskQueue })
  await temporal.client.call(
    async (client) => await client.workflow.getHandle(start.workflowId).result(),
    { deadlineMs: 60_000 },
  )
  over.abort()
  await worker.close()
}

test.concurrent(
  'a delivery whose worker was lost is tried again within seconds, long before its time is up',
  async () => {
    const starts: number[] = []
    const over = new AbortController()
    const deliverToSink: SinkActivities['deliverToSink'] = async () => {
      starts.push(Date.now())
      // Nobody hears of the first one again.
      if (starts.length === 1) await once(over.signal, 'abort')
      return { serial: 1 }
    }
    await propagate({ id: randomUUID(), serial: 1 }, { deliverToSink }, over)
    const [first = 0, second = 0] = starts
    expect(second - first).toBeLessThan(START_TO_CLOSE_MS)
  },
)

test.concurrent(
  'a delivery that takes longer than a lost one is noticed is not made twice',
  async () => {
    const sink = new MemorySink('directory')
    sink.delayMs = HEARTBEAT_TIMEOUT_MS + 3_000
    const person = await storeTestProfile(database.db, createTestProfile())
    const sinks = new Map([[sink.name, sink]])
    await propagate(person, createSinkActivities({ db: database.db, sinks }))
    expect(sink.attempts).toBe(1)
  },
)
