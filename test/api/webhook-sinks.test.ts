import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestApi, type TestApi } from '../support/http.ts'
import {
  createTestProfile,
  recordTestChange,
  storeTestProfile,
  type StoredProfile,
} from '../support/profiles.ts'
import {
  createTestSink,
  createWebhookFixture,
  getSinkEndpointId,
  listAllDeliveries,
  type WebhookFixture,
} from '../support/webhooks.ts'

const ADDRESS = 'https://hooks.example/registrar'

let directory: string
let api: TestApi
let fixture: WebhookFixture
let seed = 200

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-webhook-sinks-'))
  const file = join(directory, 'sinks.json')
  const partner = { name: 'partner', kind: 'webhook', url: ADDRESS, events: ['profile.*'] }
  await writeFile(file, JSON.stringify([partner, { name: 'replica', kind: 'sql' }]))
  api = await startTestApi({ env: { SINKS_FILE: file } })
  fixture = createWebhookFixture(api.db, api.ring, { sinks: [createTestSink(ADDRESS)] })
})
afterEach(async () => {
  await api.db.query(
    `truncate webhook_endpoints, webhook_deliveries, dead_letters, workflow_starts,
       sink_deliveries, change_deliveries, paused_sinks, profile_changes, profiles cascade`,
  )
})
afterAll(async () => {
  fixture.close()
  await api.close()
  await rm(directory, { recursive: true })
})

type Answer = {
  readonly status: number
  readonly body: any // oxlint-disable-line typescript/no-explicit-any -- answers of any form
}

async function send(method: string, path: string, json?: unknown): Promise<Answer> {
  const response = await api.call(path, {
    method,
    scope: 'propagation:write',
    ...(json === undefined ? {} : { json }),
  })
  return { status: response.status, body: await response.json() }
}

async function getPartner(): Promise<unknown> {
  const { body } = await send('GET', '/v1/sinks')
  return body.items.find(({ name }: { name: string }) => name === 'partner')
}

/** A person whose newest change is in the queue of the sink. */
async function queuePerson(): Promise<StoredProfile> {
  seed += 1
  const profile = createTestProfile({ seed, userId: `ad|Mozilla-LDAP|person${seed}` })
  const person = await storeTestProfile(api.db, profile)
  await api.db.query(`update profile_changes set sinks = '{partner}' where serial = $1`, [
    person.serial,
  ])
  await fixture.activities.publishProfileEvent({ profileId: person.id })
  return person
}

async function kill(serial: number): Promise<void> {
  await api.db.query(
    `with dead as (
       update webhook_deliveries
          set state = 'failed', attempts = 10, error_code = 'http_500', settled_at = now()
        where serial = $1
       returning id, profile_id
     ), booked as (
       update change_deliveries set state = 'failed', error_code = 'http_500' where serial = $1
     )
     insert into dead_letters (sink, profile_id, serial, code, attempts, delivery_id)
     select 'partner', profile_id, $1, 'http_500', 10, id from dead`,
    [serial],
  )
}

async function disable(): Promise<void> {
  await api.db.query(
    `update webhook_endpoints set state = 'disabled', disabled_reason = 'gone', awake = false`,
  )
  await api.db.query('truncate workflow_starts')
}

async function listCalls(): Promise<string[]> {
  const { rows } = await api.db.query<{ id: string }>(
    'select workflow_id as id from workflow_starts',
  )
  return rows.map(({ id }) => id)
}

async function stateOf(serial: number): Promise<string | undefined> {
  const { rows } = await api.db.query<{ state: string }>(
    'select state from change_deliveries where serial = $1',
    [serial],
  )
  return rows[0]?.state
}

test('a webhook is behind by the persons of whom it has news to come', async () => {
  seed += 1
  const before = createTestProfile({ seed, userId: 'ad|Mozilla-LDAP|before' })
  await storeTestProfile(api.db, before)
  expect(await getPartner()).toMatchObject({ state: 'active', behind: 0, deadLetters: 0 })
  const person = await queuePerson()
  expect(await getPartner()).toMatchObject({ behind: 1 })
  await api.db.query(`update webhook_deliveries set state = 'succeeded', settled_at = now()`)
  expect(await getPartner()).toMatchObject({ behind: 0 })
  const change = { profileId: person.id, version: 2, changed: ['tags'], sinks: ['partner'] }
  await recordTestChange(api.db, change)
  expect(await getPartner()).toMatchObject({ behind: 1 })
})

test('a webhook that goes on after a pause has its sender called', async () => {
  await queuePerson()
  expect((await send('POST', '/v1/sinks/partner/pause')).body.state).toBe('paused')
  await api.db.query('truncate workflow_starts')
  expect((await send('POST', '/v1/sinks/partner/resume')).body.state).toBe('active')
  expect(await listCalls()).toEqual([`webhookEndpoint:${await getSinkEndpointId(api.db)}`])
})

test('a webhook that was disabled is shown so, and tried again after a resume', async () => {
  await queuePerson()
  await disable()
  expect(await getPartner()).toMatchObject({ state: 'disabled' })
  expect((await send('POST', '/v1/sinks/partner/resume')).body.state).toBe('active')
  expect(await listCalls()).toHaveLength(1)
  await send('POST', '/v1/sinks/partner/resume')
  expect(await listCalls()).toHaveLength(1)
})

test('a webhook can be paused before anything was sent there', async () => {
  expect((await send('POST', '/v1/sinks/partner/pause')).body.state).toBe('paused')
  expect((await send('POST', '/v1/sinks/partner/resume')).body.state).toBe('active')
  expect(await listCalls()).toEqual([])
})

test('a webhook has nothing to compare', async () => {
  const { status, body } = await send('POST', '/v1/sinks/partner/reconcile')
  expect([status, body.code]).toEqual([409, 'not_comparable'])
})

test('a dead letter is tried again from its first attempt on, at a disabled webhook too', async () => {
  const { serial } = await queuePerson()
  await kill(serial)
  await disable()
  const { body } = await send('GET', '/v1/dead-letters?sink=partner')
  expect(body.items).toMatchObject([{ sink: 'partner', serial, code: 'http_500', attempts: 10 }])
  const redriven = await send('POST', `/v1/dead-letters/${body.items[0].id}/redrive`)
  expect(redriven).toMatchObject({ status: 202, body: { redriven: 1 } })
  expect(await listAllDeliveries(api.db)).toMatchObject([{ state: 'pending', attempts: 0 }])
  expect(await stateOf(serial)).toBe('pending')
  expect(await getPartner()).toMatchObject({ state: 'active', deadLetters: 0 })
  expect(await listCalls()).toHaveLength(1)
  const again = await send('POST', `/v1/dead-letters/${body.items[0].id}/redrive`)
  expect(again.status).toBe(404)
})

test('of the dead letters of one person only the newest is sent again, and says all', async () => {
  const person = await queuePerson()
  await kill(person.serial)
  const change = { profileId: person.id, version: 2, changed: ['tags'], sinks: ['partner'] }
  const serial = await recordTestChange(api.db, change)
  await fixture.activities.publishProfileEvent({ profileId: person.id })
  await kill(serial)
  await queuePerson()
  const redriven = await send('POST', '/v1/dead-letters/redrive', { sink: 'partner' })
  expect(redriven).toMatchObject({ status: 202, body: { redriven: 2 } })
  const [older, newer] = await listAllDeliveries(api.db)
  expect([older?.state, newer?.state]).toEqual(['superseded', 'pending'])
  expect(JSON.parse(newer?.body ?? '')).toMatchObject({
    operation: 'create',
    changed: expect.arrayContaining(['tags', 'user_id']),
  })
  expect([await stateOf(person.serial), await stateOf(serial)]).toEqual(['superseded', 'pending'])
})

test('a dead letter of an event belongs to no change, and is tried again like the others', async () => {
  await queuePerson()
  const endpointId = await getSinkEndpointId(api.db)
  await api.db.query(
    `with dead as (
       insert into webhook_deliveries
         (id, endpoint_id, type, event_id, request_id, body, state, attempts, settled_at)
       values (gen_random_uuid(), $1, 'license.digest', gen_random_uuid(), 'r-1', '{}', 'failed', 10,
         now())
       returning id
     )
     insert into dead_letters (sink, code, attempts, delivery_id)
     select 'partner', 'http_500', 10, id from dead`,
    [endpointId],
  )
  const { body } = await send('GET', '/v1/dead-letters')
  expect(body.items).toMatchObject([{ sink: 'partner', serial: null }])
  const redriven = await send('POST', '/v1/dead-letters/redrive', { sink: 'partner' })
  expect(redriven.body).toEqual({ redriven: 1 })
  expect((await listAllDeliveries(api.db)).map(({ state }) => state)).toEqual([
    'pending',
    'pending',
  ])
})
