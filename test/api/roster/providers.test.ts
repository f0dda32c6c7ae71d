import { startTestApi, type TestApi } from '../../support/http.ts'
import {
  addProvider,
  createProviderBody,
  createTenantCaller,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const tenant = 'spring-valley'
const path = `/tenants/${tenant}/providers`

let api: TestApi
let call: TenantCaller

beforeAll(async () => {
  api = await startTestApi()
  call = createTenantCaller(api, tenant)
})
beforeEach(async () => {
  await api.db.query('truncate roster_providers, connector_secrets, audit_entries cascade')
})
afterAll(async () => {
  await api.close()
})

type Json = Record<string, unknown>

async function read(id: string): Promise<Json> {
  return (await (await call(`${path}/${id}`)).json()) as Json
}

test('a provider is made, named by Location, and shown with its secrets masked', async () => {
  const json = createProviderBody()
  const response = await call(path, { method: 'POST', json })
  const made = (await response.json()) as Json
  expect(response.status).toBe(201)
  expect(response.headers.get('location')).toBe(`${path}/${String(made['id'])}`)
  expect(response.headers.get('etag')).toBe('"1"')
  expect(made).toMatchObject({
    ...json,
    tenantId: tenant,
    auth: { type: 'bearer', token: '********' },
    scim: { ...(json['scim'] as Json), auth: { type: 'bearer', token: '********' } },
    guard: { deactivations: { atLeast: 50, percent: 10 }, whileHeld: 'hold-all' },
  })
  expect(await read(String(made['id']))).toEqual(made)
  const list = (await (await call(path)).json()) as Json
  expect(list).toEqual({ items: [made], next: null })
})

test('secrets are neither in the table, nor in answers, logs or the audit log', async () => {
  const id = await addProvider(call, tenant)
  const { rows } = await api.db.query(
    `select (select jsonb_agg(p) from roster_providers p) as providers,
       (select jsonb_agg(a) from audit_entries a) as audit,
       (select jsonb_agg(k) from idempotency_keys k) as keys`,
  )
  const everything = JSON.stringify([rows, api.logLines, await read(id)])
  expect(everything).not.toContain('district-token-1')
  expect(everything).not.toContain('target-token-1')
})

test.each([
  ['an unknown field', { colour: 'red' }, '/colour'],
  ['an unknown field within', { scim: { baseURL: 'https://scim.example' } }, '/scim/baseURL'],
  ['an unknown kind', { kind: 'skyward' }, '/kind'],
  ['a base URL that is none', { baseUrl: 'clever' }, '/baseUrl'],
  ['a private base URL', { baseUrl: 'http://169.254.169.254/v3.1' }, '/baseUrl'],
  ['a mask of nothing', { auth: { type: 'bearer', token: '********' } }, '/auth/token'],
  ['no target at all', { scim: {} }, '/scim/baseUrl'],
])('%s is a 422 that names it', async (_name, change, pointer) => {
  const response = await call(path, { method: 'POST', json: createProviderBody(change) })
  const { errors } = (await response.json()) as { errors: { pointer: string }[] }
  expect([response.status, errors.map((error) => error.pointer)]).toEqual([422, [pointer]])
})

test('a PUT of what was read keeps secrets, and replaces the one that is sent', async () => {
  const id = await addProvider(call, tenant)
  const before = await read(id)
  const stored = async (): Promise<unknown> => {
    const { rows } = await api.db.query(
      `select name, md5(value_cipher::text) as value from connector_secrets order by name`,
    )
    return rows
  }
  const secrets = await stored()
  const renamed = await call(`${path}/${id}`, {
    method: 'PUT',
    json: { ...before, name: 'Valley' },
    headers: { 'if-match': '"1"' },
  })
  expect([renamed.status, renamed.headers.get('etag')]).toEqual([200, '"2"'])
  expect(await renamed.json()).toMatchObject({ name: 'Valley', auth: { token: '********' } })
  expect(await stored()).toEqual(secrets)
  const json = { ...before, auth: { type: 'bearer', token: 'district-token-2' } }
  expect((await call(`${path}/${id}`, { method: 'PUT', json })).status).toBe(200)
  expect(await stored()).not.toEqual(secrets)
  const stale = { method: 'PUT', json, headers: { 'if-match': '"1"' } }
  expect((await call(`${path}/${id}`, stale)).status).toBe(412)
})

test.each([
  ['source', { baseUrl: 'https://other.example/v3.1' }, '/auth/token'],
  ['target', { scim: { baseUrl: 'https://other.example/scim/v2' } }, '/scim/auth/token'],
])(
  'the secret of a %s goes to no other server unless it is sent again',
  async (_end, to, pointer) => {
    const id = await addProvider(call, tenant)
    const before = await read(id)
    const scim = { ...(before['scim'] as Json), ...('scim' in to ? to.scim : {}) }
    const json = { ...before, ...to, scim }
    const refused = await call(`${path}/${id}`, { method: 'PUT', json })
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      {
        errors: [{ pointer, code: 'required', detail: expect.stringContaining('send') as unknown }],
      },
    ])
    expect(await read(id)).toEqual(before)
    const auth = { type: 'bearer', token: 'sent again' }
    const whole = 'scim' in to ? { ...json, scim: { ...scim, auth } } : { ...json, auth }
    expect((await call(`${path}/${id}`, { method: 'PUT', json: whole })).status).toBe(200)
  },
)

test('another path of the same server keeps the secret', async () => {
  const id = await addProvider(call, tenant)
  const json = { ...(await read(id)), baseUrl: 'https://clever.example/v3.0' }
  expect((await call(`${path}/${id}`, { method: 'PUT', json })).status).toBe(200)
})

test.each<[string, object, number]>([
  ['schedule', { schedule: { everySeconds: 900 } }, 1],
  ['pauses', { pauses: [{ weekly: 'Sat 00:00', for: 'P2D' }] }, 1],
  ['guard', { guard: { rekeyed: false } }, 1],
  ['filters', { filters: { roles: ['student'] } }, 2],
  ['mappings', { mappings: { userName: ['sisId'] } }, 2],
  ['name, which accounts carry,', { name: 'Valley' }, 2],
])(
  'a change of the %s makes the next run a full one, if it says what accounts are to be',
  async (...given) => {
    const [, change, version] = given
    const id = await addProvider(call, tenant)
    const json = { ...(await read(id)), ...change }
    expect((await call(`${path}/${id}`, { method: 'PUT', json })).status).toBe(200)
    const { rows } = await api.db.query('select version, roster_version from roster_providers')
    expect(rows).toEqual([{ version: 2, roster_version: version }])
  },
)

test('a PUT may say the settings alone', async () => {
  const id = await addProvider(call, tenant)
  const json = createProviderBody({ name: 'Valley' })
  const response = await call(`${path}/${id}`, { method: 'PUT', json })
  expect([response.status, await response.json()]).toMatchObject([200, { id, name: 'Valley' }])
  const kind = { ...json, kind: 'classlink' }
  const other = await call(`${path}/${id}`, { method: 'PUT', json: kind })
  expect([other.status, await other.json()]).toMatchObject([
    422,
    { errors: [{ pointer: '/kind' }] },
  ])
  const unknown = await call(`${path}/${id}`, { method: 'PUT', json: { ...json, colour: 'red' } })
  expect(unknown.status).toBe(422)
})

test('two providers that write to one target need prefixes', async () => {
  const scim = { baseUrl: 'https://one.example/scim/v2', auth: { type: 'bearer', token: 't' } }
  await addProvider(call, tenant, { scim })
  const other = { ...scim, baseUrl: 'https://ONE.example/scim/v2/' }
  const refused = await call(path, { method: 'POST', json: createProviderBody({ scim: other }) })
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'target_shared' }])
  const { rows } = await api.db.query('select count(*) as secrets from connector_secrets')
  expect(rows).toEqual([{ secrets: 2 }])
  await addProvider(call, tenant, { scim: { ...other, externalIdPrefix: 'b:' } })
})

test('a provider that is removed leaves its audit entries and runs, and nothing else', async () => {
  const id = await addProvider(call, tenant)
  const start = await call(`/sync/${tenant}/start`, { method: 'POST', json: {} })
  const { syncId } = (await start.json()) as { syncId: string }
  await setRunState(api.db, syncId, { state: 'pulling' })
  expect((await call(`${path}/${id}`, { method: 'DELETE' })).status).toBe(204)
  expect((await call(`${path}/${id}`)).status).toBe(404)
  expect((await call(`${path}/${id}`, { method: 'DELETE' })).status).toBe(404)
  const { rows } = await api.db.query('select name from connector_secrets')
  expect(rows).toEqual([])
  const history = (await (await call(`/sync/${tenant}/history`)).json()) as { items: Json[] }
  expect(history.items).toMatchObject([{ syncId, stopRequested: true }])
  const audit = (await (await call(`/tenants/${tenant}/audit`)).json()) as { items: Json[] }
  expect(audit.items.map((entry) => entry['action'])).toEqual([
    'secret.set',
    'secret.set',
    'roster-provider.created',
    'roster.started',
    'roster-provider.removed',
    'secret.removed',
    'secret.removed',
  ])
  expect(new Set(audit.items.map((entry) => entry['actor']))).toEqual(new Set(['operator']))
})

test('a provider is paused and resumed', async () => {
  const id = await addProvider(call, tenant)
  const paused = await call(`${path}/${id}/pause`, { method: 'POST' })
  expect(await paused.json()).toMatchObject({ id, paused: true })
  expect((await call(`${path}/${id}/resume`, { method: 'POST' })).headers.get('etag')).toBe('"1"')
})

test('a request that is repeated with its Idempotency-Key makes one provider', async () => {
  const json = createProviderBody()
  const request = { method: 'POST', json, headers: { 'idempotency-key': 'one' } }
  const [first, second] = [await call(path, request), await call(path, request)]
  expect(await second.json()).toEqual(await first.json())
  const { items } = (await (await call(path)).json()) as { items: Json[] }
  expect(items).toHaveLength(1)
})
