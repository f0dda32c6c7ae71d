import { randomUUID } from 'node:crypto'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createSinkReconcileActivities } from '../../activities/sink-reconcile.ts'
import { createSinkActivities } from '../../activities/sink.ts'
import { AppError } from '../../core/errors.ts'
import { withTransaction } from '../../db/client.ts'
import { findChange, type SinkState } from '../../db/profile/changes.ts'
import { findReconcile, insertReconcile, listDrifts } from '../../db/profile/reconciles.ts'
import { listDeadLetters, redriveDeadLetters } from '../../db/profile/sinks.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { MemorySink } from '../support/memory-sink.ts'
import {
  createTestProfile,
  recordTestChange,
  storeTestProfile,
  type StoredProfile,
} from '../support/profiles.ts'

const refused = new AppError('schema_refused', 'Cannot write this', { status: 400 })
const limited = new AppError('rate_limited', 'Cannot answer now', {
  status: 429,
  retryAfterSeconds: 0.01,
})
const name = 'directory'
const config = [{ name, kind: 'sql' }]

let database: TestDatabase
let sink: MemorySink
let seed = 0

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(() => {
  sink = new MemorySink(name)
})
afterAll(async () => await database.close())

async function createPerson(): Promise<StoredProfile> {
  seed += 1
  return await storeTestProfile(database.db, createTestProfile({ seed, userId: `ad|test|${seed}` }))
}

async function change({ id }: StoredProfile, version: number): Promise<number> {
  const one = { profileId: id, version, changed: ['first_name'], sinks: [name] }
  return await recordTestChange(database.db, one)
}

async function deliver({ id }: StoredProfile): Promise<void> {
  const sinks = new Map([[name, sink]])
  const { deliverToSink } = createSinkActivities({ db: database.db, sinks })
  await new MockActivityEnvironment().run(deliverToSink, { profileId: id, sink: name })
}

async function stateOf(serial: number): Promise<SinkState | undefined> {
  return (await findChange(database.db, serial))?.sinks[0]?.state
}

test('a redrive of one dead letter brings the person, whatever else of them has failed since', async () => {
  const person = await createPerson()
  sink.failures.push(refused, refused)
  const first = await change(person, 2)
  await deliver(person)
  const second = await change(person, 3)
  await deliver(person)
  const page = { sink: name, after: undefined, limit: 10 }
  const [letter] = await listDeadLetters(database.db, page)
  expect(letter?.serial).toBe(first)
  const redriven = await withTransaction(
    database.db,
    async (tx) => await redriveDeadLetters(tx, { id: letter?.id ?? '' }, 10),
  )
  expect(redriven).toEqual([{ sink: name, profileId: person.id, serial: second }])
  await deliver(person)
  expect(sink.entries.get(person.id)?.serial).toBe(second)
  expect([await stateOf(first), await stateOf(second)]).toEqual(['superseded', 'succeeded'])
  expect(await listDeadLetters(database.db, page)).toEqual([])
})

test('a redrive of a sink takes as many persons as it may, however many dead letters they have', async () => {
  const persons = [await createPerson(), await createPerson()]
  for (const version of [2, 3]) {
    for (const person of persons) {
      sink.failures.push(refused)
      await change(person, version)
      await deliver(person)
    }
  }
  const redrive = async (): Promise<readonly unknown[]> =>
    await withTransaction(
      database.db,
      async (tx) => await redriveDeadLetters(tx, { sink: name }, 1),
    )
  expect(await redrive()).toMatchObject([{ profileId: persons[0]?.id }])
  expect(await redrive()).toMatchObject([{ profileId: persons[1]?.id }])
  expect(await redrive()).toEqual([])
})

test('who is changed and brought there while a comparison looks at them has not drifted', async () => {
  const person = await createPerson()
  const first = await change(person, 2)
  let second = 0
  await deliver(person)
  const compare = sink.compare.bind(sink)
  sink.compare = async (delivery) => {
    if (delivery.serial === first) {
      second = await change(person, 3)
      sink.entries.set(person.id, { serial: 0, profile: 'older', isDeleted: false })
      const verdict = await compare(delivery)
      await deliver(person)
      return verdict
    }
    return await compare(delivery)
  }
  const id = randomUUID()
  const report = { id, sink: name, repair: true, startedBy: 'test' }
  await withTransaction(database.db, async (tx) => await insertReconcile(tx, report))
  const deps = { db: database.db, sinks: new Map([[name, sink]]), config }
  const { reconcilePage } = createSinkReconcileActivities(deps)
  await new MockActivityEnvironment().run(reconcilePage, { reconcileId: id, sink: name })
  expect([await stateOf(first), await stateOf(second)]).toEqual(['succeeded', 'succeeded'])
  const drifts = await listDrifts(database.db, { id, after: undefined, limit: 100 })
  expect(drifts.map(({ profileId }) => profileId)).not.toContain(person.id)
  expect(await findReconcile(database.db, { id, sink: name })).toMatchObject({ different: 0 })
})

test('a comparison waits for the rate limit of a sink, and does not begin its page anew', async () => {
  const persons = [await createPerson(), await createPerson(), await createPerson()]
  for (const person of persons) {
    await change(person, 2)
    await deliver(person)
  }
  const asked: string[] = []
  const compare = sink.compare.bind(sink)
  sink.compare = async (delivery) => {
    asked.push(delivery.profileId)
    if (asked.length % 2 === 1) throw limited
    return await compare(delivery)
  }
  const id = randomUUID()
  await database.db.query('delete from sink_reconciles')
  const report = { id, sink: name, repair: false, startedBy: 'test' }
  await withTransaction(database.db, async (tx) => await insertReconcile(tx, report))
  const deps = { db: database.db, sinks: new Map([[name, sink]]), config }
  const { reconcilePage } = createSinkReconcileActivities(deps)
  await new MockActivityEnvironment().run(reconcilePage, { reconcileId: id, sink: name })
  for (const { id: profileId } of persons) {
    expect(asked.filter((one) => one === profileId)).toHaveLength(2)
  }
})
