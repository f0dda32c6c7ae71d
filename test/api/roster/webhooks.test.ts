import { request as httpRequest } from 'node:http'
import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { createWebhookSecret } from '../../../crypto/webhook-signature.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import {
  addProvider,
  createTenantCaller,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const tenant = 'spring-valley'
const settingsPath = `/tenants/${tenant}/webhooks`
const secret = createWebhookSecret()
const MEBIBYTE = 1_048_576

let api: TestApi
let call: TenantCaller

beforeAll(async () => {
  api = await startTestApi({ env: { TRUSTED_PROXIES: '127.0.0.0/8,::1/128' } })
  call = createTenantCaller(api, tenant)
})
beforeEach(async () => {
  await api.db.query(
    `truncate roster_providers, roster_webhooks, roster_webhook_messages, audit_entries cascade`,
  )
})
afterAll(async () => {
  await api.close()
})

type Json = Record<string, unknown>
type Post = {
  readonly id?: string
  readonly at?: Date
  readonly body?: string
  readonly signedBody?: string
  readonly secret?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly path?: string
}

async function post(options: Post = {}): Promise<Response> {
  const { id = randomUUID(), at = new Date(), body = '{"changed":true}' } = options
  const signer = new Webhook(options.secret ?? secret)
  return await api.call(options.path ?? `/webhooks/clever/${tenant}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signer.sign(id, at, options.signedBody ?? body),
      ...options.headers,
    },
  })
}

async function putSettings(json: Json): Promise<Response> {
  return await call(settingsPath, { method: 'PUT', json })
}

async function listRuns(): Promise<Json[]> {
  const { rows } = await api.db.query<Json>(
    'select provider_id, trigger, mode, state from roster_runs order by created_at',
  )
  return rows
}

test('a signed post starts an incremental run of the providers of its kind', async () => {
  const providerId = await addProvider(call, tenant)
  await addProvider(call, tenant, { kind: 'classlink' })
  await putSettings({ secrets: [secret] })
  expect((await post()).status).toBe(202)
  expect(await listRuns()).toEqual([
    { provider_id: providerId, trigger: 'webhook', mode: 'incremental', state: 'queued' },
  ])
})

test('during a rotation any of the secrets signs; none but those does', async () => {
  await addProvider(call, tenant)
  const next = createWebhookSecret()
  await putSettings({ secrets: [secret, next] })
  expect((await post({ secret: next })).status).toBe(202)
  expect((await post()).status).toBe(202)
  await putSettings({ secrets: [next] })
  expect((await post()).status).toBe(401)
})

test.each<[string, Post]>([
  ['signed by another secret', { secret: createWebhookSecret() }],
  ['signed over another body', { signedBody: '{"changed":false}' }],
  ['signed more than five minutes ago', { at: new Date(Date.now() - 302_000) }],
  ['signed more than five minutes ahead', { at: new Date(Date.now() + 600_000) }],
  ['of another version', { headers: { 'webhook-signature': 'v2,AAAA' } }],
  ['without a signature', { headers: { 'webhook-signature': '' } }],
  ['whose time is none', { headers: { 'webhook-timestamp': 'now' } }],
])('a post that is %s is a 401 and starts nothing', async (_name, options) => {
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret] })
  const response = await post(options)
  expect([response.status, await response.json()]).toMatchObject([
    401,
    { code: 'invalid_signature' },
  ])
  expect(await listRuns()).toEqual([])
})

test('a repeat is taken and starts no second run', async () => {
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret] })
  const id = randomUUID()
  expect((await post({ id })).status).toBe(202)
  await api.db.query(
    `update roster_runs set state = 'succeeded', created_at = now() - interval '1 hour'`,
  )
  expect((await post({ id })).status).toBe(202)
  expect(await listRuns()).toHaveLength(1)
  const { rows } = await api.db.query('select wake_at from roster_providers')
  expect(rows).toEqual([{ wake_at: null }])
})

test('of a burst one run starts at once, and one more is wanted', async () => {
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret] })
  const posts = await Promise.all(Array.from({ length: 100 }, async () => await post()))
  expect(new Set(posts.map(({ status }) => status))).toEqual(new Set([202]))
  expect(await listRuns()).toHaveLength(1)
  await api.db.query(`update roster_runs set state = 'succeeded'`)
  expect((await post()).status).toBe(202)
  expect(await listRuns()).toHaveLength(1)
  const { rows } = await api.db.query(
    'select count(*) as wanted from roster_providers where wake_at is not null',
  )
  expect(rows).toEqual([{ wanted: 1 }])
})

test('a post within a pause is taken, counted, and starts nothing', async () => {
  const pauses = [{ from: '2020-01-01T00:00', to: '2099-01-01T00:00' }]
  const id = await addProvider(call, tenant, { pauses })
  await putSettings({ secrets: [secret] })
  expect((await post()).status).toBe(202)
  expect(await listRuns()).toEqual([])
  const provider = await call(`/tenants/${tenant}/providers/${id}`)
  expect(await provider.json()).toMatchObject({ skippedStarts: 1 })
})

test('while a run is under way another one is wanted after it', async () => {
  const providerId = await addProvider(call, tenant)
  await putSettings({ secrets: [secret] })
  const start = await call(`/sync/${tenant}/start`, { method: 'POST', json: { providerId } })
  const { syncId } = (await start.json()) as { syncId: string }
  await setRunState(api.db, syncId, { state: 'pulling' })
  expect((await post()).status).toBe(202)
  const { rows } = await api.db.query('select wake_at is not null as wanted from roster_providers')
  expect(rows).toEqual([{ wanted: true }])
})

test.each([
  [{}, false],
  [{ adds_only: true }, true],
  [{ dryRun: true }, true],
  [{ select: { types: ['users'] } }, true],
])('a start with %j that comes first leaves a run wanted: %j', async (body, wanted) => {
  const providerId = await addProvider(call, tenant)
  await api.db.query('update roster_providers set wake_at = now()')
  const json = { providerId, ...body }
  expect((await call(`/sync/${tenant}/start`, { method: 'POST', json })).status).toBe(202)
  const { rows } = await api.db.query('select wake_at is not null as wanted from roster_providers')
  expect(rows).toEqual([{ wanted }])
})

test('settings are read back masked, and a mask that is sent back keeps its secret', async () => {
  await addProvider(call, tenant)
  const other = createWebhookSecret()
  const put = await putSettings({ secrets: [secret, other], ipAllowlist: ['127.0.0.0/8'] })
  const shown = (await put.json()) as { secrets: string[] }
  expect(shown).toEqual({
    secrets: [expect.stringMatching(/^whsec_\*{8}[0-9a-f]{8}$/), expect.any(String)],
    ipAllowlist: ['127.0.0.0/8'],
  })
  expect(await (await call(settingsPath)).json()).toEqual(shown)
  expect((await putSettings({ secrets: [shown.secrets[1]] })).status).toBe(200)
  expect((await post({ secret: other })).status).toBe(202)
  expect((await post()).status).toBe(401)
  expect((await putSettings({ secrets: shown.secrets })).status).toBe(422)
})

test.each([
  [{ ipAllowlist: ['203.0.113.7'] }, '/ipAllowlist/0'],
  [{ secrets: ['whsec_short'] }, '/secrets/0'],
  [{ secrets: ['secret'] }, '/secrets/0'],
  [{ allow: [] }, '/allow'],
])('settings %j are a 422 that names the field', async (json, pointer) => {
  const response = await putSettings(json)
  expect([response.status, await response.json()]).toMatchObject([422, { errors: [{ pointer }] }])
})

test.each<[string, string[] | null, string | undefined, number]>([
  ['no list', null, '198.51.100.7', 202],
  ['an empty list', [], '198.51.100.7', 403],
  ['a list with the address', ['198.51.100.0/24'], '198.51.100.7', 202],
  ['a list without it', ['198.51.100.0/24'], '203.0.113.9', 403],
  [
    'a list with what somebody claims behind it',
    ['198.51.100.0/24'],
    '198.51.100.7, 203.0.113.9',
    403,
  ],
  ['a list with the proxy alone', ['127.0.0.0/8'], '203.0.113.9', 403],
  ['a list with an IPv4-mapped hop', ['198.51.100.0/24'], '::ffff:198.51.100.7', 202],
  ['a hop that is no address', null, 'unknown', 403],
  ['the proxy itself', ['127.0.0.0/8'], undefined, 202],
])('%s lets in who it should', async (...row) => {
  const [, ipAllowlist, forwarded, status] = row
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret], ipAllowlist })
  const headers: Record<string, string> =
    forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  const response = await post({ headers })
  expect(response.status).toBe(status)
  const { items } = (await (await call(`/tenants/${tenant}/audit`)).json()) as { items: Json[] }
  const denials = items.filter(({ action }) => action === 'roster-webhook.denied')
  const address = forwarded === 'unknown' ? 'invalid' : forwarded?.split(', ').at(-1)
  expect(denials.map(({ cause }) => (cause as Json)['address'])).toEqual(
    status === 403 ? [address ?? '127.0.0.1'] : [],
  )
})

test('refusals come in the order 404, 403, 413, 401', async () => {
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret], ipAllowlist: [] })
  const large = 'x'.repeat(MEBIBYTE + 1)
  const unsigned = { 'webhook-signature': 'v1,AAAA' }
  const unknown = await post({ path: '/webhooks/clever/nobody', body: large, headers: unsigned })
  const nowhere = await post({ path: '/webhooks/nothing/at/all', body: large, headers: unsigned })
  const [one, other] = [(await unknown.json()) as Json, (await nowhere.json()) as Json]
  const { instance: _i, requestId: _r, ...known } = one
  expect([unknown.status, other]).toMatchObject([404, known])
  expect((await post({ body: large, headers: unsigned })).status).toBe(403)
  await putSettings({ ipAllowlist: null })
  expect((await post({ body: large, headers: unsigned })).status).toBe(413)
  expect((await post({ headers: unsigned })).status).toBe(401)
})

test('an address that is not let in is told so before the body has come', async () => {
  await addProvider(call, tenant)
  await putSettings({ secrets: [secret], ipAllowlist: [] })
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(
      `${api.url}/webhooks/clever/${tenant}`,
      { method: 'POST', headers: { 'content-length': '1000' } },
      (response) => {
        resolve(response.statusCode)
        request.destroy()
      },
    )
    request.on('error', reject)
    request.flushHeaders()
  })
  expect(status).toBe(403)
})
