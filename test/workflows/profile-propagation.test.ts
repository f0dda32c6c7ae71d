import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createHandOver } from '../../api/hand-over.ts'
import { withFailures } from '../../activities/failures.ts'
import { createSinkReconcileActivities } from '../../activities/sink-reconcile.ts'
import { createSinkSweepActivities } from '../../activities/sink-sweep.ts'
import { createSinkActivities } from '../../activities/sink.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import type { LeafPath } from '../../core/profile/attributes.ts'
import { createRandom } from '../../core/sample/random.ts'
import { withTransaction } from '../../db/client.ts'
import { findChange, type ChangeSink } from '../../db/profile/changes.ts'
import {
  submitChange,
  submitDeletion,
  type IntakeDeps,
  type IntakeResult,
} from '../../db/profile/intake.ts'
import { createPropagationStart } from '../../db/profile/propagation.ts'
import { findReconcile, insertReconcile, listDrifts } from '../../db/profile/reconciles.ts'
import {
  listDeadLetters,
  listSinkStatuses,
  pauseSink,
  redriveDeadLetters,
  resumeSink,
} from '../../db/profile/sinks.ts'
import { sinkReconcileWorkflowId, workflowTypes } from '../../workflows/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { waitUntil } from '../support/polling.ts'
import type { Content } from '../support/profiles.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'
import { findRunId, runWorkflow, waitForWorkflow } from '../support/temporal-runs.ts'
import {
  createTestTemporal,
  createTestWorker,
  silentLog,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

let database: TestDatabase
let temporal: TestTemporal
let publishers: TestPublishers
let worker: TestWorker
let count = 0
const directory = new MemorySink('directory')
const replica = new MemorySink('replica')
const sinks = new Map([directory, replica].map((sink) => [sink.name, sink]))
const configured = [...sinks.keys()].map((name) => ({ name, kind: 'sql' }))

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  publishers = await createTestPublishers()
  const { db } = database
  worker = await createTestWorker(temporal, {
    activities: withFailures({
      ...createSinkActivities({ db, sinks }),
      ...createSinkSweepActivities({ db, sinks: configured }),
      ...createSinkReconcileActivities({ db, sinks, config: configured }),
    }),
  })
})
beforeEach(() => {
  for (const sink of sinks.values()) sink.reset()
})
afterAll(async () => {
  await worker.close()
  await publishers.close()
  await temporal.close()
  await database.close()
})

type Taken = Exclude<IntakeResult, { condition: 'noop' }>
type Person = { readonly userId: string; readonly profileId: string }

async function submit(
  userId: string,
  contents: Record<LeafPath, Content>,
  lastModified: string,
): Promise<Taken> {
  const body = await publishers.signAll('mozilliansorg', contents, { last_modified: lastModified })
  return await take({ ...submission(userId), body })
}

async function take(change: Parameters<typeof submitChange>[2]): Promise<Taken> {
  const result = await withTransaction(
    database.db,
    async (tx) => await submitChange(tx, createDeps(), change),
  )
  if (result.condition === 'noop') throw new Error('Cannot go on: nothing changed')
  return result
}

function createDeps(): IntakeDeps {
  const lanes = configured.map(({ name }) => ({ sink: name, queue: worker.taskQueue }))
  return { publishers: publishers.publishers, lanes, sinks: [...sinks.keys()] }
}

function submission(userId: string) {
  const publisher = 'mozilliansorg' as const
  return { userId, publisher, actor: 'test', requestId: 'r-1', receivedAt: new Date() }
}

async function createPerson(): Promise<Person & { serial: number }> {
  count += 1
  const userId = `ad|Mozilla-LDAP|someone${count}`
  const body = await publishers.signWhole('ldap', { user_id: userId, active: true })
  const { profileId, serial } = await take({ ...submission(userId), publisher: 'ldap', body })
  return { userId, profileId, serial }
}

async function submitOne(userId: string, number: number): ReturnType<typeof submit> {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 1_000).toISOString()
  return await submit(userId, { description: `text ${number}` }, at)
}

function deliveriesOf({ profileId }: Pick<Person, 'profileId'>): typeof directory.delivered {
  return directory.delivered.filter((delivery) => delivery.profileId === profileId)
}

/** Submits changes and asks for each of them to be propagated; answers the last serial. */
async function submitMany(
  person: Person & { readonly serial: number },
  howMany: number,
  pause: () => Promise<void>,
): Promise<number> {
  await propagate(person)
  let serial = 0
  for (let number = 1; number <= howMany; number += 1) {
    serial = (await submitOne(person.userId, number)).serial
    await propagate({ ...person, serial })
    await pause()
  }
  return serial
}

/** Submits changes as the API does, which answers before Temporal has heard of them. */
async function submitBurst({ userId }: Person, howMany: number): Promise<number> {
  const handOver = createHandOver({ db: database.db, temporal: temporal.client, log: silentLog })
  let serial = 0
  for (let number = 1; number <= howMany; number += 1) {
    const { propagation, ...result } = await submitOne(userId, number)
    void handOver(propagation.id, { ...propagation.start, taskQueue: worker.taskQueue })
    serial = result.serial
  }
  return serial
}

async function propagate(
  { profileId, serial }: { readonly profileId: string; readonly serial: number },
  { only, maxEvents }: { readonly only?: string; readonly maxEvents?: number } = {},
): Promise<void> {
  const lanes = createDeps().lanes.filter(({ sink }) => only === undefined || sink === only)
  const start = createPropagationStart({ profileId, serial, lanes, requestId: 'r-1' })
  const input = { ...start.input, ...(maxEvents && { maxEvents }) }
  const here = { ...start, input, taskQueue: worker.taskQueue }
  await handOverStart(temporal.client, here, { deadlineMs: 60_000 })
}

async function statesOf(serial: number): Promise<Record<string, ChangeSink['state']>> {
  const event = await findChange(database.db, serial)
  return Object.fromEntries((event?.sinks ?? []).map(({ name, state }) => [name, state]))
}

async function settle(serial: number): Promise<Record<string, ChangeSink['state']>> {
  await waitUntil('every sink has settled', async () =>
    Object.values(await statesOf(serial)).every((state) => state !== 'pending'),
  )
  return await statesOf(serial)
}

async function waitForEnd(profileId: string): Promise<void> {
  await waitForWorkflow(temporal, `profile:${profileId}`)
}

async function keep({ profileId }: Person, branch: string, runId?: string): Promise<void> {
  const run = { workflowId: `profile:${profileId}`, ...(runId && { runId }) }
  await keepHistory(temporal, { ...run, workflowType: workflowTypes.profilePropagation, branch })
}

const both = (state: string): Record<string, string> => ({ directory: state, replica: state })
const busy = new AppError('busy', 'Cannot write now', { status: 503, retryAfterSeconds: 0.2 })
const unavailable = new AppError('unreachable', 'Cannot reach it', { status: 502 })

test('a change reaches every sink, and the run ends', async () => {
  const person = await createPerson()
  await propagate(person)
  expect(await settle(person.serial)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  expect(directory.entries.get(person.profileId)?.serial).toBe(person.serial)
  await keep(person, 'delivered')
})

test('200 changes of one person come to at most three deliveries, the last value everywhere', async () => {
  const person = await createPerson()
  await propagate(person)
  await settle(person.serial)
  for (const sink of sinks.values()) sink.delivered.length = 0
  const startedMs = performance.now()
  const last = await submitBurst(person, 200)
  expect(await settle(last)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  // A machine that is busy takes longer than a lane waits.
  const seconds = (performance.now() - startedMs) / 1_000
  const more = Math.ceil(Math.max(0, seconds - 12) / 10)
  for (const { delivered } of sinks.values()) {
    expect(delivered.length).toBeLessThanOrEqual(3 + more)
    expect(delivered.at(-1)?.serial).toBe(last)
  }
  const states = await database.db.query<{ state: string; count: number }>(
    `select coalesce(d.state, 'pending') as state, count(*)::integer as count
       from profile_changes c
       left join change_deliveries d on d.serial = c.serial and d.sink = 'directory'
      where c.profile_id = $1 group by 1 order by 1`,
    [person.profileId],
  )
  expect(states.rows.map(({ state }) => state)).toEqual(['succeeded', 'superseded'])
  expect(states.rows.reduce((sum, row) => sum + row.count, 0)).toBe(201)
})

test('changes that do not end are delivered every few seconds all the same', async () => {
  const person = await createPerson()
  await propagate(person)
  const startedMs = performance.now()
  let last = person.serial
  for (let number = 1; deliveriesOf(person).length < 2 && number <= 200; number += 1) {
    last = (await submitOne(person.userId, number)).serial
    void propagate({ ...person, serial: last })
    await delay(100)
  }
  expect(deliveriesOf(person)).toHaveLength(2)
  expect(performance.now() - startedMs).toBeGreaterThan(4_000)
  expect(await settle(last)).toEqual(both('succeeded'))
})

test('a few changes in a row are delivered as two', async () => {
  const person = await createPerson()
  const release = directory.hold()
  const last = await submitMany(person, 5, async () => await delay(20))
  release()
  expect(await settle(last)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  expect(deliveriesOf(person)).toHaveLength(2)
  await keep(person, 'burst')
})

test.each([1, 2, 3])(
  'whatever the rhythm of changes, their newest value arrives and no older one after it (seed %i)',
  async (seed) => {
    const random = createRandom('rhythm', seed)
    const persons = await Promise.all(Array.from({ length: 6 }, createPerson))
    const rhythms = persons.map(async (person) => {
      const pauseMs = random.pick([5, 100, 400, 900])
      const last = await submitMany(person, 1 + random.int(12), async () => {
        directory.delayMs = random.int(300)
        if (random.chance(0.1)) directory.failures.push(busy)
        await delay(random.int(pauseMs))
      })
      expect(await settle(last)).toEqual(both('succeeded'))
      return { ...person, last }
    })
    for (const { profileId, last } of await Promise.all(rhythms)) {
      for (const { entries, delivered } of sinks.values()) {
        const serials = delivered.filter((one) => one.profileId === profileId)
        expect(entries.get(profileId)?.serial).toBe(last)
        expect(serials).toEqual(serials.toSorted((a, b) => a.serial - b.serial))
      }
      await waitForEnd(profileId)
    }
  },
)

test('a sink is written at most twice a second per person', async () => {
  const hasDelivered = async (count: number): Promise<boolean> =>
    await Promise.resolve(directory.delivered.length === count)
  const person = await createPerson()
  await propagate(person, { only: 'directory' })
  await waitUntil('it was delivered', async () => await hasDelivered(1))
  const startedMs = performance.now()
  const { serial } = await submit(person.userId, { description: 'next' }, '2026-01-01T00:00:00Z')
  await propagate({ ...person, serial }, { only: 'directory' })
  await waitUntil('it was delivered', async () => await hasDelivered(2))
  expect(performance.now() - startedMs).toBeGreaterThan(300)
})

test('a sink that is down holds no other back, and catches up by itself', async () => {
  const person = await createPerson()
  directory.down = unavailable
  await propagate(person)
  await waitUntil(
    'the other one has it',
    async () => (await statesOf(person.serial))['replica'] === 'succeeded',
  )
  const event = await findChange(database.db, person.serial)
  const waiting = event?.sinks.find(({ name }) => name === 'directory')
  expect(waiting?.state).toBe('pending')
  directory.down = undefined
  expect(await settle(person.serial)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  await keep(person, 'retried')
})

test('an attempt that failed is counted with its code', async () => {
  const person = await createPerson()
  directory.failures.push(unavailable)
  await propagate(person)
  await settle(person.serial)
  const event = await findChange(database.db, person.serial)
  expect(event?.sinks.find(({ name }) => name === 'directory')).toMatchObject({ attempts: 2 })
})

test('Retry-After is waited for, and not counted as an end', async () => {
  const person = await createPerson()
  directory.failures.push(
    new AppError('rate_limited', 'Cannot write now', { status: 429, retryAfterSeconds: 1 }),
  )
  const startedMs = performance.now()
  await propagate(person)
  expect(await settle(person.serial)).toEqual(both('succeeded'))
  expect(performance.now() - startedMs).toBeGreaterThan(900)
})

test('a write whose answer was lost counts as done when it is found there', async () => {
  const person = await createPerson()
  directory.losesAnswer = true
  await propagate(person)
  expect(await settle(person.serial)).toEqual(both('succeeded'))
  expect(directory.delivered).toHaveLength(1)
})

test('a sink that has a newer serial is not written, and the change is superseded', async () => {
  const person = await createPerson()
  directory.entries.set(person.profileId, { serial: 1e9, profile: {}, isDeleted: false })
  await propagate(person)
  expect(await settle(person.serial)).toEqual({ directory: 'superseded', replica: 'succeeded' })
  expect(directory.entries.get(person.profileId)?.serial).toBe(1e9)
})

test('what a sink refuses for good is a dead letter, later changes go on, and a redrive brings it', async () => {
  const person = await createPerson()
  directory.failures.push(new AppError('schema_refused', 'Cannot write this', { status: 400 }))
  await propagate(person)
  expect(await settle(person.serial)).toEqual({ directory: 'failed', replica: 'succeeded' })
  const page = { sink: 'directory', after: undefined, limit: 10 }
  const letters = await listDeadLetters(database.db, page)
  expect(letters).toMatchObject([{ serial: person.serial, code: 'schema_refused', attempts: 1 }])
  const [letter] = letters
  const redriven = await withTransaction(
    database.db,
    async (tx) => await redriveDeadLetters(tx, { id: letter?.id ?? '' }, 10),
  )
  expect(redriven).toEqual([
    { sink: 'directory', profileId: person.profileId, serial: person.serial },
  ])
  await propagate(person, { only: 'directory' })
  expect(await settle(person.serial)).toEqual(both('succeeded'))
  expect(await listDeadLetters(database.db, page)).toEqual([])
})

test('a change that was tried for 24 hours fails as expired', async () => {
  const person = await createPerson()
  await database.db.query(
    `update profile_changes set committed_at = now() - interval '25 hours' where serial = $1`,
    [person.serial],
  )
  directory.failures.push(unavailable)
  await propagate(person)
  expect(await settle(person.serial)).toEqual({ directory: 'failed', replica: 'succeeded' })
  const page = { sink: 'directory', after: undefined, limit: 10 }
  expect(await listDeadLetters(database.db, page)).toMatchObject([{ code: 'expired' }])
  await database.db.query('delete from dead_letters')
})

test('a deletion reaches the sinks like a change', async () => {
  const person = await createPerson()
  await propagate(person)
  await settle(person.serial)
  const gone = await withTransaction(
    database.db,
    async (tx) => await submitDeletion(tx, createDeps(), submission(person.userId)),
  )
  if (gone?.condition !== 'delete') throw new Error('Cannot go on: nobody was deleted')
  await propagate({ ...person, serial: gone.serial })
  expect(await settle(gone.serial)).toEqual(both('succeeded'))
  expect(directory.entries.get(person.profileId)?.isDeleted).toBe(true)
})

test('a paused sink waits without attempts, and a sweep brings it what it lacks', async () => {
  await withTransaction(database.db, async (tx) => await pauseSink(tx, 'directory', 'test'))
  const persons = [await createPerson(), await createPerson()]
  for (const person of persons) await propagate(person)
  for (const person of persons) await waitForEnd(person.profileId)
  expect(directory.attempts).toBe(0)
  for (const { serial } of persons) {
    expect(await statesOf(serial)).toEqual({ directory: 'pending', replica: 'succeeded' })
  }
  const [status] = await listSinkStatuses(database.db, ['directory'])
  expect(status?.behind).toBeGreaterThanOrEqual(2)
  await withTransaction(database.db, async (tx) => await resumeSink(tx, 'directory'))
  await database.db.query('delete from workflow_starts')
  const workflowId = `sweep-${randomUUID()}`
  const workflowType = workflowTypes.sinkSweep
  await runWorkflow(temporal, worker, { workflowId, workflowType, input: { sink: 'directory' } })
  await keepHistory(temporal, { workflowId, workflowType, branch: 'persons-behind' })
  const { rows } = await database.db.query<{ id: string }>(
    'select workflow_id as id from workflow_starts order by workflow_id',
  )
  const asked = persons.map(({ profileId }) => `profile:${profileId}`)
  expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(asked))
  for (const person of persons) await propagate(person, { only: 'directory' })
  for (const { serial } of persons) expect(await settle(serial)).toEqual(both('succeeded'))
})

test('a comparison finds what differs, is missing or should not be there, and a repair asks for it', async () => {
  const [same, different, missing, extra] = [
    await createPerson(),
    await createPerson(),
    await createPerson(),
    await createPerson(),
  ] as const
  for (const person of [same, different, missing, extra]) {
    await propagate(person)
    await settle(person.serial)
  }
  directory.entries.set(different.profileId, { serial: 1, profile: {}, isDeleted: false })
  directory.entries.delete(missing.profileId)
  await database.db.query('update profiles set deleted_at = now() where id = $1', [extra.profileId])
  const others = [same, different, missing, extra].map(({ profileId }) => profileId)
  await database.db.query('delete from profiles where id <> all ($1::uuid[])', [others])
  await database.db.query('delete from workflow_starts')
  const id = randomUUID()
  const report = { id, sink: 'directory', repair: true, startedBy: 'test' }
  await withTransaction(database.db, async (tx) => {
    await insertReconcile(tx, report)
    expect(await insertReconcile(tx, { ...report, id: randomUUID() })).toBeUndefined()
  })
  const workflowId = sinkReconcileWorkflowId(id)
  const input = { reconcileId: id, sink: 'directory', queue: worker.taskQueue }
  const workflowType = workflowTypes.sinkReconcile
  await runWorkflow(temporal, worker, { workflowId, workflowType, input })
  await keepHistory(temporal, { workflowId, workflowType, branch: 'differs' })
  expect(await findReconcile(database.db, { id, sink: 'directory' })).toMatchObject({
    state: 'succeeded',
    same: 1,
    different: 1,
    missing: 1,
    extra: 1,
    failed: 0,
  })
  const drifts = await listDrifts(database.db, { id, after: undefined, limit: 10 })
  expect(new Map(drifts.map(({ profileId, kind }) => [profileId, kind]))).toEqual(
    new Map([
      [different.profileId, 'different'],
      [missing.profileId, 'missing'],
      [extra.profileId, 'extra'],
    ]),
  )
  expect((await listSinkStatuses(database.db, ['directory']))[0]?.behind).toBe(3)
  for (const person of [different, missing]) await propagate(person, { only: 'directory' })
  for (const { serial } of [different, missing]) await settle(serial)
  expect(directory.entries.get(missing.profileId)).toMatchObject({ isDeleted: false })
  expect(directory.entries.get(different.profileId)?.serial).toBe(different.serial)
})

test('a run whose history gets long goes on in another one', async () => {
  const person = await createPerson()
  directory.delayMs = 200
  await propagate(person, { maxEvents: 5 })
  const { serial } = await submit(person.userId, { description: 'x' }, '2026-01-01T00:00:00Z')
  await propagate({ ...person, serial }, { maxEvents: 5 })
  expect(await settle(serial)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  await keep(person, 'last-of-several-runs')
})

test('a run whose history gets long leaves a sink that is down to the next one', async () => {
  const person = await createPerson()
  directory.down = unavailable
  await propagate(person, { maxEvents: 5 })
  const firstRun = await findRunId(temporal, `profile:${person.profileId}`)
  await waitForReplica(person.serial)
  const next = await submitOne(person.userId, 1)
  await propagate({ ...person, serial: next.serial }, { maxEvents: 5 })
  await waitForReplica(next.serial)
  expect(await statesOf(next.serial)).toEqual({ directory: 'pending', replica: 'succeeded' })
  directory.down = undefined
  expect(await settle(next.serial)).toEqual(both('succeeded'))
  await waitForEnd(person.profileId)
  await keep(person, 'handed-over', firstRun)
})

async function waitForReplica(serial: number): Promise<void> {
  const isThere = async (): Promise<boolean> => (await statesOf(serial))['replica'] === 'succeeded'
  await waitUntil('the other sink has it', isThere)
}
