import { randomUUID } from 'node:crypto'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { relayEvents, type EventRelayDeps } from '../../workers/event-relay.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { silentLog } from '../support/temporal.ts'
import {
  awayTemporal,
  createTestSink,
  createWebhookFixture,
  getSinkEndpointId,
  listAllDeliveries,
  type WebhookFixture,
} from '../support/webhooks.ts'

const ADDRESS = 'https://hooks.example/registrar'
const PLACE = { compact: 'aslp', jurisdiction: 'oh' }
const ring = createKeyRing(generateKeyRingDocument())
const contacts = { oh: ['board@oh.example'] }
const compacts = defaultCompacts.map((compact) => ({ ...compact, contacts }))

let database: TestDatabase
let fixture: WebhookFixture

beforeAll(async () => {
  database = await createTestDatabase()
  fixture = createWebhookFixture(database.db, ring)
})
afterEach(async () => {
  await database.db.query(
    `truncate events, uploads, webhook_endpoints, webhook_deliveries, dead_letters, workflow_starts,
       change_deliveries cascade`,
  )
})
afterAll(async () => {
  fixture.close()
  await database.close()
})

function createDeps(deps: Partial<EventRelayDeps> = {}): EventRelayDeps {
  const sinks = [createTestSink(ADDRESS, { events: ['license.*'] })]
  const { db } = database
  return {
    db,
    temporal: awayTemporal,
    sinks,
    compacts: defaultCompacts,
    hasMail: false,
    log: silentLog,
    ...deps,
  }
}

type NewEvent = {
  readonly type?: string
  readonly data?: object
  readonly subject?: string
  readonly ageSeconds?: number
}

async function record(event: NewEvent = {}): Promise<string> {
  const id = randomUUID()
  const { type = 'license.ingested', data = PLACE, subject = 'providers/1', ageSeconds = 0 } = event
  await database.db.query(
    `insert into events (id, type, subject, data, request_id, occurred_at)
     values ($1, $2, $3, $4, 'r-1', clock_timestamp() - make_interval(secs => $5))`,
    [id, type, subject, JSON.stringify(data), ageSeconds],
  )
  return id
}

async function listTold(): Promise<{ endpoint: string; id: string; type: string }[]> {
  const deliveries = await listAllDeliveries(database.db)
  return deliveries.map(({ endpoint_id: endpoint, body }) => {
    const { id, type } = JSON.parse(body) as { id: string; type: string }
    return { endpoint, id, type }
  })
}

test('events go into the queue of a sink in the order in which they happened, and call its sender', async () => {
  const newer = await record({ ageSeconds: 1 })
  const older = await record({ ageSeconds: 2, type: 'license.deactivation' })
  expect(await relayEvents(createDeps())).toBe(2)
  const endpoint = await getSinkEndpointId(database.db)
  expect(await listTold()).toEqual([
    { endpoint, id: older, type: 'license.deactivation' },
    { endpoint, id: newer, type: 'license.ingested' },
  ])
  const { rows } = await database.db.query('select workflow_id, request_id from workflow_starts')
  expect(rows).toEqual([{ workflow_id: `webhookEndpoint:${endpoint}`, request_id: 'r-1' }])
})

test('a sink is told only of what it named', async () => {
  const told = await record({ type: 'approval.denied', data: { state: 'denied' } })
  await record()
  const sinks = [createTestSink(ADDRESS, { events: ['approval.*'] })]
  await relayEvents(createDeps({ sinks }))
  expect((await listTold()).map(({ id }) => id)).toEqual([told])
})

test('an event is told once, however many processes look at the same time and how often', async () => {
  for (let count = 0; count < 450; count += 1) await record()
  let relayed = 0
  while (relayed < 450) {
    const counts = await Promise.all([0, 1, 2].map(async () => await relayEvents(createDeps())))
    relayed += counts.reduce((sum, count) => sum + count, 0)
  }
  expect(await relayEvents(createDeps())).toBe(0)
  const told = await listTold()
  expect([told.length, new Set(told.map(({ id }) => id)).size]).toEqual([450, 450])
})

test('what fails halfway is told later, whole', async () => {
  await record()
  await database.db.query('alter table webhook_deliveries add constraint broken check (false)')
  await expect(relayEvents(createDeps())).rejects.toMatchObject({ constraint: 'broken' })
  await database.db.query('alter table webhook_deliveries drop constraint broken')
  expect(await relayEvents(createDeps())).toBe(1)
  expect(await listTold()).toHaveLength(1)
})

test('a subscription hears of the places that its scopes show, from when it was made', async () => {
  const events = ['license.*']
  await record({ ageSeconds: 60 })
  const board = await fixture.subscribe({ url: ADDRESS, events, scopes: ['aslp/oh.write'] })
  await fixture.subscribe({ url: ADDRESS, events, scopes: ['aslp/ky.write'] })
  await fixture.subscribe({ url: ADDRESS, events: ['profile.*'], scopes: ['aslp/oh.write'] })
  const heard = await record()
  await relayEvents(createDeps({ sinks: [] }))
  expect(await listTold()).toEqual([{ endpoint: board.id, id: heard, type: 'license.ingested' }])
})

test("a subscription of one tenant does not hear of another tenant's uploads", async () => {
  const uploadId = randomUUID()
  await database.db.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id, tenant)
     values ($1, 'license', 'aslp', 'oh', 'completed', 'test', 'test', 'other')`,
    [uploadId],
  )
  const { id } = await fixture.subscribe({
    url: ADDRESS,
    events: ['license.*'],
    scopes: ['aslp/oh.write'],
  })
  await database.db.query(`update webhook_endpoints set tenant = 'own' where id = $1`, [id])
  await record({ subject: `uploads/${uploadId}` })
  await relayEvents(createDeps({ sinks: [] }))
  expect(await listTold()).toEqual([])
})

test('digests are mailed where the board has contacts, and nothing else is', async () => {
  const digest = await record({ type: 'license.digest' })
  await record({ type: 'license.digest', data: { ...PLACE, jurisdiction: 'ky' } })
  await record()
  await relayEvents(createDeps({ sinks: [], compacts, hasMail: true }))
  const { rows } = await database.db.query<{ id: string }>(
    `select id from webhook_endpoints where kind = 'mail'`,
  )
  expect(await listTold()).toEqual([{ endpoint: rows[0]?.id, id: digest, type: 'license.digest' }])
})

test('what is meant for a disabled sink is a dead letter at once', async () => {
  await record()
  await relayEvents(createDeps())
  await database.db.query(
    `update webhook_endpoints set state = 'disabled', disabled_reason = 'gone'`,
  )
  await record()
  await relayEvents(createDeps())
  const { rows } = await database.db.query('select sink, serial, code from dead_letters')
  expect(rows).toEqual([
    { sink: 'partner', serial: null, code: 'endpoint_disabled' },
    { sink: 'partner', serial: null, code: 'endpoint_disabled' },
  ])
})
