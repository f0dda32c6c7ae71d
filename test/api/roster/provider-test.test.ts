import { startDemoScim, type DemoScim } from '../../../cli/demo/stand-ins/scim.ts'
import { startCleverStandIn, type CleverStandIn } from '../../../cli/sample-district/clever.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import { createTestDistrict } from '../../support/roster-servers.ts'
import { addProvider, createTenantCaller, type TenantCaller } from '../../support/rosters.ts'

const tenant = 'spring-valley'

let api: TestApi
let call: TenantCaller
let clever: CleverStandIn
let scim: DemoScim

beforeAll(async () => {
  scim = await startDemoScim()
  clever = await startCleverStandIn({ district: createTestDistrict('clever') })
  api = await startTestApi({
    env: {
      ALLOW_PRIVATE_TARGETS: 'true',
      TENANT_SERVICE_URL: scim.url,
      TENANT_SERVICE_TOKEN: scim.token,
    },
  })
  call = createTenantCaller(api, tenant)
})
afterAll(async () => {
  await api.close()
  await clever.close()
  await scim.close()
})

async function check(change: object): Promise<unknown> {
  const id = await addProvider(call, tenant, change)
  const response = await call(`/tenants/${tenant}/providers/${id}/test`, { method: 'POST' })
  expect(response.status).toBe(200)
  return await response.json()
}

test('both ends answer', async () => {
  const { baseUrl, auth } = clever.settings
  const target = { baseUrl: scim.url, auth: { type: 'bearer', token: scim.token } }
  const answer = await check({ baseUrl, auth, scim: { ...target, externalIdPrefix: 'a:' } })
  expect(answer).toEqual({ source: { ok: true }, target: { ok: true } })
})

test('a provider without a target of its own has that of the settings', async () => {
  const { baseUrl, auth } = clever.clientSettings
  expect(await check({ baseUrl, auth, scim: {} })).toEqual({
    source: { ok: true },
    target: { ok: true },
  })
})

test('what is wrong with an end is said without its secrets', async () => {
  const wrong = { type: 'bearer', token: 'wrong-token' }
  const answer = await check({
    baseUrl: clever.settings.baseUrl,
    auth: wrong,
    scim: { baseUrl: scim.url, auth: wrong, externalIdPrefix: 'b:' },
  })
  expect(answer).toEqual({
    source: { ok: false, detail: expect.stringContaining('source_unauthorized') },
    target: { ok: false, detail: expect.stringContaining('target_unauthorized') },
  })
  expect(JSON.stringify(answer)).not.toContain('wrong-token')
})

test('an end where nobody answers is not reached', async () => {
  const answer = await check({
    baseUrl: 'http://127.0.0.1:9/v3.1',
    scim: { baseUrl: 'http://127.0.0.1:9/scim', auth: { type: 'bearer', token: 't' } },
  })
  expect(answer).toEqual({
    source: { ok: false, detail: expect.any(String) },
    target: { ok: false, detail: expect.any(String) },
  })
})
