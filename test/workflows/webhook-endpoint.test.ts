import { handOverStart } from '../../connectors/temporal.ts'
import { withTransaction } from '../../db/client.ts'
import { findChange } from '../../db/profile/changes.ts'
import { createPropagationStart } from '../../db/profile/propagation.ts'
import { queueWake, wakeEndpoints } from '../../db/webhook/endpoints.ts'
import { enqueueDeliveries } from '../../db/webhook/queue.ts'
import { webhooksLane } from '../../core/profile/lanes.ts'
import { webhookEndpointWorkflowId } from '../../core/webhook/workflow.ts'
import { workflowTypes } from '../../workflows/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestProfile, storeTestProfile } from '../support/profiles.ts'
import { behaviours, startReceiver, type Receiver } from '../support/receiver.ts'
import {
  createTestSink,
  getSinkEndpointId,
  listAllDeliveries,
  SINK_SECRET,
  verifyRequest,
} from '../support/webhooks.ts'
import { startWebhookStack, type WebhookStack } from '../support/webhook-stack.ts'

let database: TestDatabase
let receiver: Receiver
let stack: WebhookStack
let count = 0

beforeAll(async () => {
  database = await createTestDatabase()
  receiver = await startReceiver()
  stack = await startWebhookStack(database.db, { sinks: [createTestSink(receiver.url)] })
})
beforeEach(() => receiver.behave(behaviours.status(204)))
afterAll(async () => {
  await stack.close()
  await receiver.close()
  await database.close()
})

type Endpoint = { readonly id: string; readonly path: string }

async function subscribe(): Promise<Endpoint> {
  count += 1
  const path = `/hook-${count}`
  const { id } = await stack.fixture.subscribe({
    url: `${receiver.url}${path}`,
    events: ['license.*'],
  })
  return { id, path }
}

async function send({ id: endpointId }: Endpoint, ...bodies: string[]): Promise<void> {
  const wakes = await withTransaction(database.db, async (tx) => {
    const message = { endpointId, type: 'license.ingested', requestId: 'r-1' }
    await enqueueDeliveries(
      tx,
      bodies.map((body) => ({ ...message, body })),
    )
    return await wakeEndpoints(tx, [endpointId], 'r-1')
  })
  for (const { start } of wakes) await handOverStart(stack.temporal.client, start)
}

async function waitForEnd({ id }: Endpoint): Promise<void> {
  await stack.temporal.client.call(
    async (client) => await client.workflow.getHandle(webhookEndpointWorkflowId(id)).result(),
    { deadlineMs: 60_000 },
  )
}

function bodiesAt({ path }: Endpoint): string[] {
  return receiver.requests.filter(({ url }) => url === path).map(({ body }) => body)
}

async function makeDue(): Promise<void> {
  await database.db.query(
    `update webhook_deliveries set next_attempt_at = clock_timestamp() where state = 'pending'`,
  )
}

async function keep({ id }: Endpoint, branch: string): Promise<void> {
  const workflowId = webhookEndpointWorkflowId(id)
  const workflowType = workflowTypes.webhookEndpoint
  await keepHistory(stack.temporal, { workflowId, workflowType, branch })
}

test('a sender that is woken sends what is due, and ends', async () => {
  const endpoint = await subscribe()
  await send(endpoint, '"one"', '"two"')
  await waitForEnd(endpoint)
  expect(bodiesAt(endpoint).toSorted()).toEqual(['"one"', '"two"'])
  await keep(endpoint, 'delivered')
})

test('a sender sleeps until the next attempt is due', async () => {
  const endpoint = await subscribe()
  receiver.behave((response) => {
    response.writeHead(bodiesAt(endpoint).length === 1 ? 500 : 204).end()
  })
  await send(endpoint, '"stubborn"')
  await waitForEnd(endpoint)
  expect(bodiesAt(endpoint)).toEqual(['"stubborn"', '"stubborn"'])
  const [first, second] = receiver.requests.filter(({ url }) => url === endpoint.path)
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(4_900)
  await keep(endpoint, 'retried')
})

test('a sender that sleeps is woken by something new', async () => {
  const endpoint = await subscribe()
  receiver.behave(behaviours.status(503, { 'retry-after': '600' }))
  await send(endpoint, '"waits"')
  await waitUntil('it sleeps', async () => await Promise.resolve(bodiesAt(endpoint).length === 1))
  receiver.behave(behaviours.status(204))
  await send(endpoint, '"new"')
  await waitUntil(
    'the new one arrived',
    async () => await Promise.resolve(bodiesAt(endpoint).includes('"new"')),
  )
  await makeDue()
  await send(endpoint)
  await waitForEnd(endpoint)
  expect(bodiesAt(endpoint)).toEqual(['"waits"', '"new"', '"waits"'])
  await keep(endpoint, 'woken')
})

test('a sender goes on in another run when its history is long', async () => {
  const endpoint = await subscribe()
  receiver.behave((response) => {
    response.writeHead(bodiesAt(endpoint).length === 1 ? 500 : 204).end()
  })
  const start = await withTransaction(database.db, async (tx) => {
    const message = { endpointId: endpoint.id, type: 'license.ingested', requestId: 'r-1' }
    await enqueueDeliveries(tx, [{ ...message, body: '"long"' }])
    return (await queueWake(tx, endpoint.id, 'r-1')).start
  })
  const input = { ...start.input, maxEvents: 8 }
  await handOverStart(stack.temporal.client, { ...start, input })
  await waitForEnd(endpoint)
  expect(bodiesAt(endpoint)).toEqual(['"long"', '"long"'])
  await keep(endpoint, 'last-of-several-runs')
})

test('workers that are replaced lose nothing and repeat only with the same id', async () => {
  const endpoint = await subscribe()
  const bodies = Array.from({ length: 40 }, (_, number) => `"${number}"`)
  receiver.behave((response) => {
    setTimeout(() => response.writeHead(204).end(), 40)
  })
  await send(endpoint, ...bodies)
  await waitUntil(
    'some have arrived',
    async () => await Promise.resolve(bodiesAt(endpoint).length > 8),
  )
  await stack.restart()
  await waitForEnd(endpoint)
  expect([...new Set(bodiesAt(endpoint))].toSorted()).toEqual(bodies.toSorted())
  const requests = receiver.requests.filter(({ url }) => url === endpoint.path)
  const ids = new Map(requests.map(({ body, headers }) => [body, headers['webhook-id']]))
  expect(requests.every(({ body, headers }) => ids.get(body) === headers['webhook-id'])).toBe(true)
  const deliveries = await listAllDeliveries(database.db)
  const own = deliveries.filter((delivery) => delivery.endpoint_id === endpoint.id)
  expect(new Set(own.map(({ state }) => state))).toEqual(new Set(['succeeded']))
})

test('a change of a person takes the lane of webhooks and arrives at the sink', async () => {
  const profile = createTestProfile({ seed: 7, userId: 'ad|Mozilla-LDAP|lane' })
  const { id: profileId, serial, userId } = await storeTestProfile(database.db, profile)
  await database.db.query(`update profile_changes set sinks = '{partner}' where serial = $1`, [
    serial,
  ])
  const start = createPropagationStart({
    profileId,
    serial,
    lanes: [webhooksLane],
    requestId: 'r-1',
  })
  await handOverStart(stack.temporal.client, start)
  const hasSucceeded = async (): Promise<boolean> =>
    (await findChange(database.db, serial))?.sinks[0]?.state === 'succeeded'
  await waitUntil('the change has succeeded', hasSucceeded)
  const request = receiver.requests.findLast(({ url }) => url === '/')
  expect(verifyRequest(request, SINK_SECRET)).toMatchObject({ operation: 'create', id: userId })
  const workflowId = `profile:${profileId}`
  await stack.temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).result(),
    { deadlineMs: 60_000 },
  )
  const workflowType = workflowTypes.profilePropagation
  await keepHistory(stack.temporal, { workflowId, workflowType, branch: 'webhooks' })
  await waitForEnd({ id: await getSinkEndpointId(database.db), path: '/' })
})
