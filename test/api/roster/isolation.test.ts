import { createHash } from 'node:crypto'
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

test('there are routes to be tried', () => {
  expect(specs.length).toBeGreaterThan(20)
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
  `/sync/${SOUTH}/history?providerId=PROVIDER`,
  `/sync/${SOUTH}/status?providerId=PROVIDER`,
  `/sync/${SOUTH}/reconciles`,
  `/sync/${SOUTH}/reconciles?providerId=PROVIDER`,
  '/v1/audit',
  '/v1/approvals',
])('%s of the south names nothing of the north', async (path) => {
  const response = await south(path.replace('PROVIDER', ids['providerId'] ?? ''), { scope: SCOPES })
  const text = await response.text()
  expect(response.status).toBe(200)
  for (const id of ['providerId', 'syncId', 'approvalId', 'reconcileId'])
    expect(text).not.toContain(ids[id])
})

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
