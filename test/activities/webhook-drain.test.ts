import type { ServerResponse } from 'node:http'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createHttpClient } from '../../connectors/http/client.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { withTransaction } from '../../db/client.ts'
import { findChange } from '../../db/profile/changes.ts'
import { claimDelivery, enqueueDeliveries } from '../../db/webhook/queue.ts'
import { createCertificate } from '../support/certificate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/polling.ts'
import { recordTestChange, type StoredProfile } from '../support/profiles.ts'
import { behaviours, startReceiver, type Receiver } from '../support/receiver.ts'
import { silentLog } from '../support/temporal.ts'
import {
  createTestSink,
  createWebhookFixture,
  getSinkEndpointId,
  listAllDeliveries,
  SINK_SECRET,
  storeSinkPerson,
  verifyRequest,
  type WebhookFixture,
} from '../support/webhooks.ts'

const ring = createKeyRing(generateKeyRingDocument())
const outcomes: string[] = []

let database: TestDatabase
let receiver: Receiver
let fixture: WebhookFixture
let seed = 100
let version = 1

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => {
  receiver = await startReceiver()
  outcomes.length = 0
  fixture = createWebhookFixture(database.db, ring, {
    sinks: [createTestSink(receiver.url)],
    onDelivery: (kind, outcome) => void outcomes.push(`${kind} ${outcome}`),
  })
})
afterEach(async () => {
  fixture.close()
  await receiver.close()
  await database.db.query(
    `truncate webhook_endpoints, webhook_deliveries, dead_letters, workflow_starts,
       sink_deliveries, change_deliveries, paused_sinks`,
  )
})
afterAll(async () => await database.close())

async function createPerson(): Promise<StoredProfile> {
  seed += 1
  return await storeSinkPerson(database.db, seed)
}

async function publish({ id: profileId }: StoredProfile): Promise<number> {
  return (await fixture.activities.publishProfileEvent({ profileId })).serial
}

async function changeAndPublish(person: StoredProfile, ...changed: string[]): Promise<number> {
  version += 1
  const change = { profileId: person.id, version, changed, sinks: ['partner'] }
  const serial = await recordTestChange(database.db, change)
  await publish(person)
  return serial
}

/** One change of a new person, queued for the sink. */
async function queueOne(): Promise<StoredProfile> {
  const person = await createPerson()
  await publish(person)
  return person
}

async function drain(endpointId?: string): Promise<{ attempts: number; dueInMs?: number }> {
  const id = endpointId ?? (await getSinkEndpointId(database.db))
  const environment = new MockActivityEnvironment()
  const result: unknown = await environment.run(fixture.activities.drainEndpoint, {
    endpointId: id,
  })
  return result as { attempts: number; dueInMs?: number } // what drainEndpoint returns
}

async function makeDue(): Promise<void> {
  await database.db.query(
    `update webhook_deliveries set next_attempt_at = clock_timestamp() where state = 'pending'`,
  )
}

async function endpointState(): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.db.query(
    `select state, disabled_reason as reason, failing_since is not null as failing
       from webhook_endpoints`,
  )
  return rows[0] as Record<string, unknown> | undefined
}

async function sinkOf(serial: number): Promise<unknown> {
  return (await findChange(database.db, serial))?.sinks[0]
}

test('a message arrives signed, and its change has succeeded', async () => {
  const person = await queueOne()
  expect(await drain()).toEqual({ attempts: 1 })
  const [request] = receiver.requests
  expect(verifyRequest(request, SINK_SECRET)).toMatchObject({ id: person.userId })
  expect(request).toMatchObject({
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Registrar' },
  })
  expect(request?.headers['authorization']).toBeUndefined()
  expect(await sinkOf(person.serial)).toMatchObject({ state: 'succeeded', attempts: 1 })
  expect(outcomes).toEqual(['sink succeeded'])
})

test('a sink may have a bearer token, as receivers of CIS v2 want one', async () => {
  const sink = createTestSink(receiver.url, { bearerToken: 'let-me-in' })
  fixture = createWebhookFixture(database.db, ring, { sinks: [sink] })
  await queueOne()
  await drain()
  expect(receiver.requests[0]?.headers['authorization']).toBe('Bearer let-me-in')
})

test('for a day after a rotation both secrets sign, and then the new one alone', async () => {
  const old = 'whsec_b2xkIHNlY3JldCBvZiB0aGUgc3Vic2NyaXB0aW9u'
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString()
  const rotated = await fixture.subscribe({
    url: receiver.url,
    previous: [{ secret: old, until: inAnHour }],
  })
  const settled = await fixture.subscribe({
    url: receiver.url,
    previous: [{ secret: old, until: anHourAgo }],
  })
  await queueOne()
  await drain(rotated.id)
  await drain(settled.id)
  const [first, second] = receiver.requests
  expect(verifyRequest(first, rotated.secret)).toEqual(verifyRequest(first, old))
  expect(verifyRequest(second, settled.secret)).toBeDefined()
  expect(() => verifyRequest(second, old)).toThrow('No matching signature found')
})

test('a message that fails is tried again after 5 s with the same id and bytes, newly signed', async () => {
  receiver.behave(behaviours.status(500))
  const person = await queueOne()
  const { dueInMs } = await drain()
  expect(dueInMs).toBeGreaterThan(1_000)
  expect(dueInMs).toBeLessThanOrEqual(5_500)
  expect(await sinkOf(person.serial)).toMatchObject({
    state: 'pending',
    attempts: 1,
    errorCode: 'http_500',
  })
  receiver.behave(behaviours.status(200))
  await makeDue()
  await drain()
  const [first, second] = receiver.requests
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  expect(second?.body).toBe(first?.body)
  expect(verifyRequest(second, SINK_SECRET)).toBeDefined()
  expect(await sinkOf(person.serial)).toMatchObject({ state: 'succeeded', attempts: 2 })
  expect(await endpointState()).toMatchObject({ failing: false })
})

test('after ten failed attempts a message is a dead letter, and its change has failed', async () => {
  receiver.behave(behaviours.status(500))
  const person = await queueOne()
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    await makeDue()
    await drain()
  }
  expect(await drain()).toEqual({ attempts: 0 })
  expect(await sinkOf(person.serial)).toMatchObject({
    state: 'failed',
    attempts: 10,
    errorCode: 'http_500',
  })
  const { rows } = await database.db.query('select sink, serial, code, attempts from dead_letters')
  expect(rows).toEqual([{ sink: 'partner', serial: person.serial, code: 'http_500', attempts: 10 }])
  expect(receiver.requests).toHaveLength(10)
})

test('Retry-After is heeded, with 429 and with 503', async () => {
  receiver.behave(behaviours.status(429, { 'retry-after': '120' }))
  await queueOne()
  expect((await drain()).dueInMs).toBeGreaterThan(60_000)
  receiver.behave(behaviours.status(503, { 'retry-after': '1200' }))
  await makeDue()
  expect((await drain()).dueInMs).toBeGreaterThan(600_000)
})

test('410 disables the endpoint, and all that waits is dead', async () => {
  const [first, second] = [await queueOne(), await queueOne()]
  receiver.behave((response) => {
    response.writeHead(410).end()
  })
  await database.db.query(
    `update webhook_deliveries set next_attempt_at = clock_timestamp() + interval '1 hour'
      where serial = $1`,
    [second.serial],
  )
  expect(await drain()).toEqual({ attempts: 1 })
  expect(await endpointState()).toMatchObject({ state: 'disabled', reason: 'gone' })
  expect(await sinkOf(first.serial)).toMatchObject({ state: 'failed', errorCode: 'http_410' })
  expect(await sinkOf(second.serial)).toMatchObject({ errorCode: 'endpoint_disabled' })
  const { rows } = await database.db.query(
    'select action, subject_id as sink, cause from audit_entries order by seq desc limit 1',
  )
  expect(rows).toMatchObject([
    { action: 'sink.disabled', sink: 'partner', cause: { reason: 'gone' } },
  ])
  expect(await drain()).toEqual({ attempts: 0 })
  expect(receiver.requests).toHaveLength(1)
})

test('five days of nothing but failures disable the endpoint', async () => {
  receiver.behave(behaviours.status(500))
  await queueOne()
  await drain()
  expect(await endpointState()).toMatchObject({ state: 'active', failing: true })
  await database.db.query(
    `update webhook_endpoints set failing_since = failing_since - interval '5 days'`,
  )
  await makeDue()
  await drain()
  expect(await endpointState()).toMatchObject({ state: 'disabled', reason: 'failing' })
  expect((await listAllDeliveries(database.db)).map(({ state }) => state)).toEqual(['failed'])
})

test('when an endpoint answers again after an outage, what waited comes at once', async () => {
  receiver.behave(behaviours.status(500))
  await queueOne()
  await queueOne()
  await drain()
  await database.db.query(
    `update webhook_endpoints set failing_since = failing_since - interval '1 hour'`,
  )
  receiver.behave(behaviours.status(200))
  await database.db.query(
    `update webhook_deliveries set next_attempt_at = clock_timestamp()
      where id = (select id from webhook_deliveries order by position limit 1)`,
  )
  expect(await drain()).toEqual({ attempts: 2 })
})

test.each([
  [
    'a redirect to the metadata service',
    behaviours.redirect('http://169.254.169.254/'),
    'http_302',
  ],
  ['404', behaviours.status(404), 'http_404'],
  ['hanging up', behaviours.hangUp, 'target_unreachable'],
])('%s is a failure that is tried again', async (_, behaviour, code) => {
  receiver.behave(behaviour)
  await queueOne()
  await drain()
  expect(await listAllDeliveries(database.db)).toMatchObject([
    { state: 'pending', attempts: 1, error_code: code },
  ])
})

test('a receiver that does not answer within 15 seconds has not got it', async () => {
  receiver.behave(behaviours.hang)
  await queueOne()
  const startedAt = Date.now()
  await drain()
  expect(Date.now() - startedAt).toBeGreaterThan(14_900)
  expect(await listAllDeliveries(database.db)).toMatchObject([
    { state: 'pending', attempts: 1, error_code: 'target_timeout' },
  ])
})

test.each([
  ['a body without end', behaviours.flood],
  ['an answer that is cut off', behaviours.cutOff],
])('%s does not matter once the status has come', async (_, behaviour) => {
  receiver.behave(behaviour)
  await queueOne()
  await drain()
  expect(await listAllDeliveries(database.db)).toMatchObject([{ state: 'succeeded' }])
})

test('a receiver whose certificate nobody vouches for gets nothing', async () => {
  const secure = await startReceiver({ certificate: await createCertificate('localhost') })
  fixture = createWebhookFixture(database.db, ring, { sinks: [createTestSink(secure.url)] })
  await queueOne()
  await drain()
  expect(await listAllDeliveries(database.db)).toMatchObject([
    { state: 'pending', error_code: 'tls_failed' },
  ])
  expect(secure.requests).toEqual([])
  await secure.close()
})

test.each([
  ['the loopback', 'http://127.0.0.1:1/', 'target_refused'],
  ['the metadata service', 'http://169.254.169.254/latest', 'target_refused'],
  ['a private address in disguise', 'http://2130706433/', 'invalid_target'],
])('%s is refused at each delivery, for good', async (_, url, code) => {
  const http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
  fixture = createWebhookFixture(database.db, ring, { http, sinks: [createTestSink(url)] })
  const person = await queueOne()
  await drain()
  expect(await sinkOf(person.serial)).toMatchObject({ state: 'failed', errorCode: code })
})

test('messages of many persons go side by side, eight at a time', async () => {
  const held: ServerResponse[] = []
  let answered = 0
  receiver.behave((response) => {
    held.push(response)
    // Nobody is answered before as many have come as may come at once.
    if (held.length < Math.min(8, 20 - answered)) return
    answered += held.length
    for (const waiting of held.splice(0)) waiting.writeHead(204).end()
  })
  for (let number = 0; number < 20; number += 1) await queueOne()
  expect(await drain()).toEqual({ attempts: 20 })
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(20)
})

test('a person never goes back: what is newer waits for what is under way, and replaces it if it fails', async () => {
  const person = await queueOne()
  receiver.behave(behaviours.hang)
  const running = drain()
  await waitUntil(
    'the first is under way',
    async () => await Promise.resolve(receiver.requests.length === 1),
  )
  const serial = await changeAndPublish(person, 'tags')
  const sent: number[] = []
  receiver.behave((response, { body }) => {
    sent.push((JSON.parse(body) as { serial: number }).serial)
    response.writeHead(204).end()
  })
  const other = await drain()
  expect([other.attempts, sent]).toEqual([0, []])
  expect(other.dueInMs).toBeGreaterThan(10_000)
  // The first one's connection ends: it failed, and the same round goes on with the newer one.
  await receiver.close()
  receiver = await startReceiver({ port: receiver.port })
  receiver.behave((response, { body }) => {
    sent.push((JSON.parse(body) as { serial: number }).serial)
    response.writeHead(204).end()
  })
  await running
  await makeDue()
  await drain()
  expect(sent).toEqual([serial])
  expect(await listAllDeliveries(database.db)).toMatchObject([
    { state: 'superseded', serial: person.serial },
    { state: 'succeeded', serial },
  ])
  expect(await sinkOf(person.serial)).toMatchObject({ state: 'superseded' })
})

test('an older message whose sender died is not sent after the newer one', async () => {
  const person = await queueOne()
  const endpointId = await getSinkEndpointId(database.db)
  await withTransaction(database.db, async (tx) => await claimDelivery(tx, endpointId))
  const serial = await changeAndPublish(person, 'tags')
  await database.db.query(
    `update webhook_deliveries set claimed_until = clock_timestamp() - interval '1 second'
      where claimed_until is not null`,
  )
  await drain()
  expect(
    receiver.requests.map(({ body }) => (JSON.parse(body) as { serial: number }).serial),
  ).toEqual([serial])
})

test('a claim that ran out settles nothing any more', async () => {
  const person = await queueOne()
  let answer = (): void => {}
  receiver.behave((response) => {
    answer = () => response.writeHead(500).end()
  })
  const late = drain()
  await waitUntil(
    'it is under way',
    async () => await Promise.resolve(receiver.requests.length === 1),
  )
  await database.db.query(
    `update webhook_deliveries set claimed_until = clock_timestamp() - interval '1 second'`,
  )
  receiver.behave(behaviours.status(204))
  await drain()
  answer()
  await late
  expect(await sinkOf(person.serial)).toMatchObject({ state: 'succeeded' })
})

test('a worker that stops gives back what is under way, and no attempt is counted', async () => {
  await queueOne()
  receiver.behave(behaviours.hang)
  const environment = new MockActivityEnvironment()
  const endpointId = await getSinkEndpointId(database.db)
  const running = environment.run(fixture.activities.drainEndpoint, { endpointId })
  await waitUntil(
    'it is under way',
    async () => await Promise.resolve(receiver.requests.length === 1),
  )
  environment.cancel('WORKER_SHUTDOWN')
  await running
  expect(await listAllDeliveries(database.db)).toMatchObject([{ state: 'pending', attempts: 0 }])
})

test('nothing is sent to a paused sink', async () => {
  await queueOne()
  await database.db.query(`insert into paused_sinks (sink, paused_by) values ('partner', 'test')`)
  expect(await drain()).toEqual({ attempts: 0 })
  await database.db.query('delete from paused_sinks')
  expect(await drain()).toEqual({ attempts: 1 })
})

test('what waits for a sink that is not configured here is looked at again later', async () => {
  await queueOne()
  fixture = createWebhookFixture(database.db, ring)
  expect(await drain()).toEqual({ attempts: 0, dueInMs: 60_000 })
})

test('an event is queued once, however often it is put there', async () => {
  const { id: endpointId } = await fixture.subscribe({ url: receiver.url })
  const eventId = '01990a5e-2f7c-7000-8000-000000000001'
  const delivery = { endpointId, type: 'license.ingested', eventId, requestId: 'r-1', body: '{}' }
  expect(await enqueueDeliveries(database.db, [delivery])).toEqual([endpointId])
  expect(await enqueueDeliveries(database.db, [delivery])).toEqual([])
  await drain(endpointId)
  expect(receiver.requests).toMatchObject([
    { headers: { 'content-type': 'application/cloudevents+json' }, body: '{}' },
  ])
})
