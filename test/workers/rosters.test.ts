import { randomUUID } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
import { startDemoScim, type DemoScim } from '../../cli/demo/stand-ins/scim.ts'
import { startCleverStandIn, type CleverStandIn } from '../../cli/sample-district/clever.ts'
import { writeDistrictArchive } from '../../cli/sample-district/csv-archive.ts'
import { createWebhookSecret } from '../../crypto/webhook-signature.ts'
import { startWorker, type WorkerProcess } from '../../workers/main.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestDistrict } from '../support/roster-servers.ts'
import { addProvider, createTenantCaller, type TenantCaller } from '../support/rosters.ts'
import { getBundlePath, silentLog } from '../support/temporal.ts'

const tenant = 'spring-valley'
const ENDED = ['succeeded', 'partial', 'failed', 'held']

let api: TestApi
let worker: WorkerProcess
let call: TenantCaller
let clever: CleverStandIn
let scim: DemoScim

beforeAll(async () => {
  scim = await startDemoScim()
  clever = await startCleverStandIn({ district: createTestDistrict('clever') })
  api = await startTestApi({
    env: {
      ALLOW_PRIVATE_TARGETS: 'true',
      TEMPORAL_ADDRESS: process.env['TEST_TEMPORAL_ADDRESS'] ?? '',
      TEMPORAL_NAMESPACE: `rosters-${randomUUID()}`,
      TENANT_SERVICE_URL: scim.url,
      TENANT_SERVICE_TOKEN: scim.token,
    },
  })
  worker = await startWorker({ config: api.config, log: silentLog, bundlePath: getBundlePath() })
  call = createTenantCaller(api, tenant)
})
afterAll(async () => {
  await worker.close()
  await api.close()
  await clever.close()
  await scim.close()
})

type Run = {
  readonly syncId: string
  readonly state: string
  readonly trigger: string
  readonly mode: string
  readonly counts: Readonly<Record<string, { readonly created: number }>>
}

async function listRuns(providerId: string): Promise<Run[]> {
  const response = await call(`/sync/${tenant}/history?providerId=${providerId}`)
  return ((await response.json()) as { items: Run[] }).items
}

async function postWebhook(secret: string): Promise<Response> {
  const [id, at, body] = [randomUUID(), new Date(), '{}']
  return await api.call(`/webhooks/clever/${tenant}`, {
    method: 'POST',
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    },
  })
}

/** The newest run of the provider that a trigger has begun, once it has ended. */
async function waitForRun(providerId: string, trigger: string): Promise<Run> {
  let found: Run | undefined
  await waitUntil(`a run by ${trigger} has ended`, async () => {
    found = (await listRuns(providerId)).find((run) => run.trigger === trigger)
    return found !== undefined && ENDED.includes(found.state)
  })
  if (!found) throw new Error('Cannot happen: it was waited for')
  return found
}

test('a provider syncs by hand, by webhook and by schedule, and what was removed does not', async () => {
  const { baseUrl, auth } = clever.settings
  const id = await addProvider(call, tenant, { baseUrl, auth, scim: { externalIdPrefix: 'a:' } })
  const json = { providerId: id, mode: 'full' }
  expect((await call(`/sync/${tenant}/start`, { method: 'POST', json })).status).toBe(202)
  const first = await waitForRun(id, 'manual')
  expect(first).toMatchObject({ state: 'succeeded', mode: 'full' })
  expect(scim.users()).toHaveLength(first.counts['users']?.created ?? 0)
  expect(scim.users().length).toBeGreaterThan(30)

  const secret = createWebhookSecret()
  await call(`/tenants/${tenant}/webhooks`, { method: 'PUT', json: { secrets: [secret] } })
  expect((await postWebhook(secret)).status).toBe(202)
  expect(await waitForRun(id, 'webhook')).toMatchObject({ state: 'succeeded', mode: 'incremental' })

  const path = `/tenants/${tenant}/providers/${id}`
  const settings = (await (await call(path)).json()) as object
  const schedule = { everySeconds: 2 }
  await call(path, { method: 'PUT', json: { ...settings, schedule } })
  expect(await waitForRun(id, 'schedule')).toMatchObject({ state: 'succeeded' })
  expect((await call(path, { method: 'DELETE' })).status).toBe(204)
})

test('a burst of webhooks comes to two runs, the second after the first', async () => {
  const { baseUrl, auth } = clever.settings
  const scim = { externalIdPrefix: 'c:' }
  const mappings = { userName: ['sisId@burst.example'] }
  const id = await addProvider(call, tenant, { baseUrl, auth, scim, mappings })
  const secret = createWebhookSecret()
  await call(`/tenants/${tenant}/webhooks`, { method: 'PUT', json: { secrets: [secret] } })
  const posts = Array.from({ length: 100 }, async () => (await postWebhook(secret)).status)
  expect(new Set(await Promise.all(posts))).toEqual(new Set([202]))
  await waitUntil('two runs have ended', async () => {
    const runs = await listRuns(id)
    return runs.length === 2 && runs.every(({ state }) => ENDED.includes(state))
  })
  const { rows } = await api.db.query('select wake_at from roster_providers where id = $1', [id])
  expect(rows).toEqual([{ wake_at: null }])
  expect((await call(`/tenants/${tenant}/providers/${id}`, { method: 'DELETE' })).status).toBe(204)
})

test('an archive is synced and then removed', async () => {
  const id = await addProvider(call, tenant, {
    kind: 'oneroster',
    scim: { externalIdPrefix: 'b:' },
    // The accounts of the other provider keep their names.
    mappings: { userName: ['sisId@archive.example'] },
  })
  const target = new PassThrough()
  const [content] = await Promise.all([
    buffer(target),
    writeDistrictArchive(createTestDistrict('oneroster', { seed: 2 }), target),
  ])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(content)]), 'roster.zip')
  const token = await api.token('roster:sync', { tenant })
  const response = await api.call(`/v1/uploads?kind=oneroster-csv&providerId=${id}`, {
    method: 'POST',
    body: form,
    headers: { authorization: `Bearer ${token}` },
  })
  expect(response.status).toBe(202)
  const run = await waitForRun(id, 'upload')
  expect(['succeeded', 'partial']).toContain(run.state)
  expect(run.counts['users']?.created).toBeGreaterThan(30)
})
