import { createHash, randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { rosterPlanApprovalType, rosterRunSubjectType } from '../../../core/roster/workflow.ts'
import { createWebhookSecret } from '../../../crypto/webhook-signature.ts'
import { openApproval } from '../../../db/approval/open.ts'
import { withTransaction } from '../../../db/client.ts'
import { createRoutes } from '../../../api/routes.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import {
  addProvider,
  createProviderBody,
  createTenantCaller,
  ROSTER_SCOPES,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const [NORTH, SOUTH] = ['north', 'south']
const SCOPES = `${ROSTER_SCOPES} approval:read approval:vote`
const HASH = createHash('sha256').update('').digest('hex')

type Json = Record<string, unknown>

let api: TestApi
let north: TenantCaller
let south: TenantCaller
/** What belongs to the north, by the names of path parameters. */
let ids: Record<string, string>

beforeAll(async () => {
  api = await startTestApi()
  north = createTenantCaller(api, NORTH)
  south = createTenantCaller(api, SOUTH)
  const providerId = await addProvider(north, NORTH)
  await addProvider(south, SOUTH)
  await north(`/tenants/${NORTH}/webhooks`, {
    method: 'PUT',
    json: { secrets: [createWebhookSecret()] },
  })
  const start = await north(`/sync/${NORTH}/start`, { method: 'POST', json: {} })
  const { syncId } = (await start.json()) as { syncId: string }
  const { approvalId } = await withTransaction(
    api.db,
    async (tx) =>
      await openApproval(tx, {
        type: rosterPlanApprovalType,
        subject: { type: rosterRunSubjectType, id: syncId, hash: HASH },
        summary: {},
        tenant: NORTH,
        requestId: 'test',
      }),
  )
  await setRunState(api.db, syncId, { state: 'held', planHash: HASH, approvalId })
  const comparison = await north(`/sync/${NORTH}/reconcile`, { method: 'POST', json: {} })
  const { id: reconcileId } = (await comparison.json()) as { id: string }
  ids = { providerId, syncId, approvalId, reconcileId, product: 'reading' }
})
afterAll(async () => {
  await api.close()
})

const specs = createRoutes()
  .map(({ spec }) => spec)
  .filter(({ path }) => /^\/(sync|tenants)\//.test(path))

function toPath(template: string, tenantId: string): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = name === 'tenantId' ? tenantId : ids[name]
    if (value === undefined) throw new Error(`Name an id of the north for {${name}}`)
    return value
  })
}

function bodyOf(spec: (typeof specs)[number]): Json | undefined {
  return spec.body?.kind === 'json' ? (spec.body.example as Json) : undefined
}

test('every route of rosters is tried, but for those that have tests of their own', () => {
  expect(specs.length).toBeGreaterThan(20)
  const others = createRoutes()
    .map(({ spec }) => spec)
    .filter((spec) => spec.tags.includes('rosters') && !specs.includes(spec))
    .map(({ method, path }) => `${method} ${path}`)
  expect(others).toEqual([
    'POST /webhooks/clever/{tenantId}',
    'POST /webhooks/classlink/{tenantId}',
    // test/api/roster/uploads.test.ts
    'POST /v1/uploads',
  ])
})

describe.each(specs.map((spec) => [`${spec.method} ${spec.path}`, spec] as const))(
  '%s',
  (_, spec) => {
    const { method, path } = spec

    test('knows nothing of the north for a token of the south', async () => {
      for (const json of [bodyOf(spec), { unfit: 'body' }]) {
        const options = { method, scope: SCOPES, ...(spec.body && { json }) }
        expect((await south(toPath(path, NORTH), options)).status).toBe(404)
      }
    })

    test('knows no id of the north under the path of the south', async () => {
      // A product has one name in many tenants.
      if (!/\{(?!tenantId|product)\w+\}/.test(path)) return
      for (const json of [bodyOf(spec), { unfit: 'body' }]) {
        const options = { method, scope: SCOPES, ...(spec.body && { json }) }
        expect((await south(toPath(path, SOUTH), options)).status).toBe(404)
      }
    })

    test('knows nobody without a tenant', async () => {
      const token = await api.token(SCOPES)
      const response = await api.call(toPath(path, NORTH), {
        method,
        headers: { authorization: `Bearer ${token}` },
      })
      expect(response.status).toBe(404)
    })
  },
)

test.each(['start', 'stop', 'reconcile'])(
  '%s takes no provider of another tenant',
  async (verb) => {
    const json = { providerId: ids['providerId'] }
    expect((await south(`/sync/${SOUTH}/${verb}`, { method: 'POST', json })).status).toBe(404)
  },
)

test.each([
  `/tenants/${SOUTH}/providers`,
  `/tenants/${SOUTH}/audit`,
  `/tenants/${SOUTH}/webhooks`,
  `/sync/${SOUTH}/status`,
  `/sync/${SOUTH}/history`,
  `/sync/${SOUTH}/reconciles`,
  '/v1/audit',
  '/v1/approvals',
])('%s of the south names nothing of the north', async (path) => {
  const response = await south(path, { scope: SCOPES })
  const text = await response.text()
  expect(response.status).toBe(200)
  for (const id of ['providerId', 'syncId', 'approvalId', 'reconcileId'])
    expect(text).not.toContain(ids[id])
})

test.each(['history', 'status', 'events', 'reconciles'])(
  '%s of a provider is that of a tenant that has or had it',
  async (list) => {
    const ask = async (id: string): Promise<Response> =>
      await south(`/sync/${SOUTH}/${list}?providerId=${id}`)
    expect((await ask(ids['providerId'] ?? '')).status).toBe(404)
    expect((await ask(randomUUID())).status).toBe(404)
    const own = await addProvider(south, SOUTH)
    await south(`/tenants/${SOUTH}/providers/${own}`, { method: 'DELETE' })
    const response = await ask(own)
    await response.body?.cancel()
    expect(response.status).toBe(200)
  },
)

test('the exports of the audit log name nothing of another tenant', async () => {
  const headers = { accept: 'application/x-ndjson' }
  for (const path of ['/v1/audit', `/tenants/${SOUTH}/audit`]) {
    const text = await (await south(path, { headers })).text()
    expect(text).toContain('roster-provider.created')
    expect(text).not.toContain(ids['providerId'])
  }
})

test.each([
  ['GET', '/v1/approvals/APPROVAL', undefined],
  ['GET', '/v1/approvals/APPROVAL/explain', undefined],
  ['POST', '/v1/approvals/APPROVAL/votes', { verdict: 'approve', subjectHash: HASH }],
])('%s %s knows nothing of the north', async (method, path, json) => {
  const target = path.replace('APPROVAL', ids['approvalId'] ?? '')
  expect((await south(target, { method, json, scope: SCOPES })).status).toBe(404)
})

test('products and seats of one name are of each tenant alone', async () => {
  const settings = { capacity: 7, rule: { schools: ['only-of-the-north'] } }
  const put = await north(`/tenants/${NORTH}/products/history`, { method: 'PUT', json: settings })
  expect(put.status).toBe(201)
  await api.db.query(
    `insert into seats (tenant, product, provider_id, user_id, external_id, school, enrolled_at,
       priority, state, granted_at)
     values ($1, 'history', $2, 'u1', 'clever:only-of-the-north', 's1', now(), 1, 'active', now())`,
    [NORTH, ids['providerId']],
  )
  const ofSouth = `/tenants/${SOUTH}/products`
  for (const path of ['history', 'history/seats', 'history/schools'])
    expect((await south(`${ofSouth}/${path}`)).status).toBe(404)
  expect(await (await south(ofSouth)).json()).toMatchObject({ items: [] })
  await south(`${ofSouth}/history`, { method: 'PUT', json: { capacity: 1 } })
  for (const path of ['history', 'history/seats', 'history/schools']) {
    const response = await south(`${ofSouth}/${path}`)
    expect(response.status).toBe(200)
    expect(await response.text()).not.toContain('only-of-the-north')
  }
})

test('the stream of the south tells nothing of the north', async () => {
  const start = await south(`/sync/${SOUTH}/start`, { method: 'POST', json: {} })
  const { syncId } = (await start.json()) as { syncId: string }
  const stream = await south(`/sync/${SOUTH}/events`)
  const reader = (stream.body ?? new ReadableStream<Uint8Array>()).getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(syncId)) {
    const { value, done } = await reader.read()
    if (done) break
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  expect(text).toContain(syncId)
  expect(text).not.toContain(ids['syncId'])
  expect(text).not.toContain(ids['providerId'])
})

test.each(['clever', 'classlink'])(
  'a secret of the south wakes nobody of the north by %s',
  async (kind) => {
    const secret = createWebhookSecret()
    await south(`/tenants/${SOUTH}/webhooks`, { method: 'PUT', json: { secrets: [secret] } })
    const post = async (tenant: string): Promise<number> => {
      const [id, at, body] = [randomUUID(), new Date(), '{}']
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(id, at, body),
      }
      const path = `/webhooks/${kind}/${tenant}`
      return (await api.call(path, { method: 'POST', headers, body })).status
    }
    expect([await post(SOUTH), await post(NORTH), await post('nobody')]).toEqual([202, 401, 404])
  },
)

test('cursors of one tenant open nothing in another', async () => {
  await addProvider(north, NORTH)
  const page = (await (await north(`/tenants/${NORTH}/providers?limit=1`)).json()) as Json
  const path = `/tenants/${SOUTH}/providers?limit=1&cursor=${String(page['next'])}`
  expect((await south(path)).status).toBe(400)
})

test('a provider may write where one of another tenant does', async () => {
  const scim = { baseUrl: 'https://shared.example/v2', auth: { type: 'bearer', token: 't' } }
  await addProvider(north, NORTH, { scim })
  const json = createProviderBody({ scim })
  const response = await south(`/tenants/${SOUTH}/providers`, { method: 'POST', json })
  expect(response.status).toBe(201)
})
