import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { findChange } from '../../db/profile/changes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { recordTestChange, type StoredProfile } from '../support/profiles.ts'
import {
  createTestSink,
  createWebhookFixture,
  listAllDeliveries,
  storeSinkPerson,
  type WebhookFixture,
} from '../support/webhooks.ts'

const ADDRESS = 'https://hooks.example/registrar'
const ring = createKeyRing(generateKeyRingDocument())
const sink = createTestSink(ADDRESS)

let database: TestDatabase
let fixture: WebhookFixture
let seed = 0

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(() => {
  fixture = createWebhookFixture(database.db, ring, { sinks: [sink] })
})
afterEach(async () => {
  fixture.close()
  await database.db.query(
    'truncate webhook_endpoints, webhook_deliveries, dead_letters, workflow_starts, sink_deliveries, change_deliveries',
  )
})
afterAll(async () => await database.close())

async function createPerson(): Promise<StoredProfile> {
  seed += 1
  return await storeSinkPerson(database.db, seed)
}

let version = 1
async function change(
  { id: profileId }: StoredProfile,
  changed: readonly string[],
  condition: 'update' | 'delete' = 'update',
): Promise<number> {
  version += 1
  const sinks = ['partner']
  return await recordTestChange(database.db, { profileId, version, changed, condition, sinks })
}

async function publish({ id: profileId }: StoredProfile): Promise<number> {
  return (await fixture.activities.publishProfileEvent({ profileId })).serial
}

async function listEvents(): Promise<{ state: string; event: Record<string, unknown> }[]> {
  const deliveries = await listAllDeliveries(database.db)
  return deliveries.map(({ state, body }) => ({
    state,
    event: JSON.parse(body) as Record<string, unknown>,
  }))
}

async function stateOf(serial: number): Promise<string | undefined> {
  return (await findChange(database.db, serial))?.sinks[0]?.state
}

async function listWakes(): Promise<string[]> {
  const { rows } = await database.db.query<{ workflow_id: string }>(
    'select workflow_id from workflow_starts order by id',
  )
  return rows.map((row) => row.workflow_id)
}

test('a change is queued for the sink, with names and without values, and its sender is woken', async () => {
  const person = await createPerson()
  expect(await publish(person)).toBe(person.serial)
  const serial = await change(person, ['first_name', 'description'])
  expect(await publish(person)).toBe(serial)
  const [, last] = await listEvents()
  expect(last).toMatchObject({
    state: 'pending',
    event: {
      operation: 'create',
      id: person.userId,
      serial,
      changed: ['description', 'first_name', 'primary_username', 'user_id', 'uuid'],
    },
  })
  expect(JSON.stringify(await listEvents())).not.toContain('"value"')
  expect(await stateOf(serial)).toBe('pending')
  const [endpoint] = await listAllDeliveries(database.db)
  expect(await listWakes()).toEqual([`webhookEndpoint:${endpoint?.endpoint_id}`])
})

test('what was published is not published again, however often it is asked for', async () => {
  const person = await createPerson()
  await publish(person)
  await publish(person)
  await Promise.all([publish(person), publish(person)])
  expect(await listEvents()).toHaveLength(1)
})

test('changes that piled up are one event; the older ones are superseded at the sink', async () => {
  const person = await createPerson()
  const [second, third] = [await change(person, ['tags']), await change(person, ['last_name'])]
  expect(await publish(person)).toBe(third)
  expect(await listEvents()).toMatchObject([
    {
      event: {
        serial: third,
        changed: ['last_name', 'primary_username', 'tags', 'user_id', 'uuid'],
      },
    },
  ])
  expect([await stateOf(person.serial), await stateOf(second), await stateOf(third)]).toEqual([
    'superseded',
    'superseded',
    'pending',
  ])
})

test('a newer event replaces an older one that did not arrive, and says what it would have said', async () => {
  const person = await createPerson()
  await publish(person)
  await database.db.query(`update webhook_deliveries set state = 'succeeded'`)
  const second = await change(person, ['tags'])
  await publish(person)
  const third = await change(person, ['last_name'])
  await publish(person)
  expect((await listEvents()).slice(1)).toMatchObject([
    { state: 'superseded', event: { operation: 'update', serial: second } },
    { state: 'pending', event: { operation: 'update', changed: ['last_name', 'tags'] } },
  ])
  expect([await stateOf(second), await stateOf(third)]).toEqual(['superseded', 'pending'])
})

test('an event under way is left alone by the newer one', async () => {
  const person = await createPerson()
  await publish(person)
  await database.db.query(
    `update webhook_deliveries set claimed_until = clock_timestamp() + interval '30 seconds'`,
  )
  await change(person, ['tags'])
  await publish(person)
  expect((await listEvents()).map(({ state }) => state)).toEqual(['pending', 'pending'])
})

test('a change that the sink may not see succeeds there without a message', async () => {
  const modest = createTestSink(ADDRESS, { scopes: new Set() })
  fixture = createWebhookFixture(database.db, ring, { sinks: [modest] })
  const person = await createPerson()
  await publish(person)
  const serial = await change(person, ['description'])
  await publish(person)
  expect(await listEvents()).toMatchObject([
    { event: { operation: 'create', changed: ['primary_username', 'uuid'] } },
  ])
  expect(await stateOf(serial)).toBe('succeeded')
})

test('a deletion is told, and nothing else after it', async () => {
  const person = await createPerson()
  await publish(person)
  await database.db.query(`update webhook_deliveries set state = 'succeeded'`)
  const serial = await change(person, ['*'], 'delete')
  await database.db.query('update profiles set deleted_at = now() where id = $1', [person.id])
  await publish(person)
  expect((await listEvents()).at(-1)).toMatchObject({
    event: { operation: 'delete', id: person.userId, serial, changed: [] },
  })
})

test('subscriptions hear what their scopes and attributes let them, of what comes after them', async () => {
  fixture = createWebhookFixture(database.db, ring)
  const person = await createPerson()
  const whole = await fixture.subscribe({ url: ADDRESS })
  const narrow = await fixture.subscribe({ url: ADDRESS, attributes: ['tags'] })
  const modest = await fixture.subscribe({ url: ADDRESS, scopes: [] })
  const creations = await fixture.subscribe({ url: ADDRESS, events: ['create'] })
  const serial = await change(person, ['description', 'tags'])
  await publish(person)
  const told = new Map(
    (await listAllDeliveries(database.db)).map((row) => [row.endpoint_id, JSON.parse(row.body)]),
  )
  expect(told.get(whole.id)).toMatchObject({ serial, changed: ['description', 'tags'] })
  expect(told.get(narrow.id)).toMatchObject({ changed: ['tags'] })
  expect(told.has(modest.id)).toBe(false)
  expect(told.has(creations.id)).toBe(false)
})

test('a disabled subscription hears nothing', async () => {
  const { id } = await fixture.subscribe({ url: ADDRESS })
  await database.db.query(
    `update webhook_endpoints set state = 'disabled', disabled_reason = 'gone' where id = $1`,
    [id],
  )
  await publish(await createPerson())
  const deliveries = await listAllDeliveries(database.db)
  expect(deliveries.filter((delivery) => delivery.endpoint_id === id)).toEqual([])
})

test('what is meant for a disabled sink is a dead letter at once; another address enables it', async () => {
  const person = await createPerson()
  await publish(person)
  await database.db.query(
    `update webhook_endpoints set state = 'disabled', disabled_reason = 'gone'`,
  )
  const serial = await change(person, ['tags'])
  await publish(person)
  expect(await stateOf(serial)).toBe('failed')
  const { rows } = await database.db.query(
    'select sink, serial, code from dead_letters order by serial',
  )
  expect(rows).toContainEqual({ sink: 'partner', serial, code: 'endpoint_disabled' })
  fixture = createWebhookFixture(database.db, ring, { sinks: [createTestSink(`${ADDRESS}/new`)] })
  const next = await change(person, ['tags'])
  await publish(person)
  expect(await stateOf(next)).toBe('pending')
})

test('a sender that is to look anyway is not called again', async () => {
  await publish(await createPerson())
  await publish(await createPerson())
  expect(await listWakes()).toHaveLength(1)
})

test('a person who was purged is nothing to tell of', async () => {
  const nobody = { id: '01990a5e-2f7c-7000-8000-000000000000', serial: 0, userId: '' }
  expect(await publish(nobody)).toBe(Number.MAX_SAFE_INTEGER)
})
