import { withTransaction } from '../../db/client.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const ADDRESS = 'https://192.0.2.7/hooks'
const PUBLIC = 'https://93.184.216.34/hooks'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterEach(async () => {
  await api.db.query(
    'truncate webhook_endpoints, webhook_deliveries, dead_letters, workflow_starts',
  )
})
afterAll(async () => await api.close())

type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly body: any // oxlint-disable-line typescript/no-explicit-any -- answers of any form
}

type Call = {
  readonly method?: string
  readonly json?: unknown
  readonly scope?: string
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function send(path: string, call: Call = {}): Promise<Answer> {
  const { method = 'GET', json, scope = 'webhook:write', subject = 'rp', headers } = call
  const token = await api.token(scope, { subject })
  const response = await api.call(`/v1/webhook-subscriptions${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(json === undefined ? {} : { json }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

async function subscribe(call: Call & { readonly url?: string } = {}): Promise<Answer> {
  const { url = PUBLIC, ...rest } = call
  return await send('', { method: 'POST', json: { url, events: ['create', 'update'] }, ...rest })
}

async function addDeliveries(endpointId: string, states: readonly string[]): Promise<string[]> {
  return await withTransaction(api.db, async (tx) => {
    const { rows } = await tx.query<{ id: string }>(
      `insert into webhook_deliveries
         (id, endpoint_id, type, request_id, body, state, attempts, error_code, settled_at)
       select gen_random_uuid(), $1, 'license.ingested', 'r-1', '{"secret":"content"}', state, 3,
         case when state = 'failed' then 'http_500' end,
         case when state <> 'pending' then now() end
       from unnest($2::text[]) with ordinality as wanted (state, place) order by place
       returning id`,
      [endpointId, states],
    )
    return rows.map(({ id }) => id)
  })
}

test('whoever subscribes is shown a secret, this once', async () => {
  const created = await subscribe()
  expect(created.status).toBe(201)
  expect(created.body).toEqual({
    id: expect.any(String),
    url: PUBLIC,
    events: ['create', 'update'],
    state: 'active',
    createdAt: expect.any(String),
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
  })
  const { secret, ...shown } = created.body
  const path = `/${shown.id}`
  expect(created.headers.get('location')).toBe(`/v1/webhook-subscriptions${path}`)
  expect((await send(path)).body).toEqual(shown)
  expect((await send('')).body).toEqual({ items: [shown], next: null })
  const { rows } = await api.db.query('select e::text as row from webhook_endpoints e')
  expect(JSON.stringify(rows)).not.toContain(secret)
})

test('the same request again is answered with the same secret, which is nowhere in the clear', async () => {
  const headers = { 'idempotency-key': 'subscribe-once' }
  const first = await subscribe({ headers })
  const second = await subscribe({ headers })
  expect([second.status, second.body]).toEqual([201, first.body])
  const { rows } = await api.db.query('select k::text as row from idempotency_keys k')
  expect(JSON.stringify(rows)).not.toContain(first.body.secret)
  expect((await send('')).body.items).toHaveLength(1)
})

test('a subscription takes types of events and the attributes of interest', async () => {
  const json = { url: PUBLIC, events: ['delete', 'license.*'], attributes: ['staff_information'] }
  const { status, body } = await subscribe({ json })
  expect([status, body.events, body.attributes]).toEqual([
    201,
    ['delete', 'license.*'],
    ['staff_information'],
  ])
})

test.each([
  ['no address', { events: ['create'] }, '/url'],
  ['a path alone', { url: '/hooks', events: ['create'] }, '/url'],
  ['another scheme', { url: 'ftp://93.184.216.34/', events: ['create'] }, '/url'],
  ['credentials', { url: 'https://me:pass@93.184.216.34/', events: ['create'] }, '/url'],
  ['the loopback', { url: 'http://127.0.0.1:9000/', events: ['create'] }, '/url'],
  ['a name of the loopback', { url: 'http://localhost:9000/', events: ['create'] }, '/url'],
  ['the metadata service', { url: 'http://169.254.169.254/', events: ['create'] }, '/url'],
  ['a private network', { url: 'http://10.1.2.3/', events: ['create'] }, '/url'],
  ['documentation', { url: ADDRESS, events: ['create'] }, '/url'],
  ['an address in disguise', { url: 'http://2130706433/', events: ['create'] }, '/url'],
  ['a mapped address', { url: 'http://[::ffff:127.0.0.1]/', events: ['create'] }, '/url'],
  ['no event', { url: PUBLIC, events: [] }, '/events'],
  ['an unknown event', { url: PUBLIC, events: ['licence.*'] }, '/events/0'],
  ['an unknown attribute', { url: PUBLIC, events: ['create'], attributes: ['x'] }, '/attributes/0'],
  ['an unknown field', { url: PUBLIC, events: ['create'], secret: 'mine' }, '/secret'],
])('%s is refused with a pointer', async (_, json, pointer) => {
  const { status, body } = await subscribe({ json })
  expect(status).toBe(422)
  expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
})

test('it needs the scope, and is for nobody else', async () => {
  expect((await subscribe({ scope: 'change:read' })).status).toBe(403)
  const { body } = await subscribe()
  const [delivery] = await addDeliveries(body.id, ['failed'])
  const own = { subject: 'another' }
  const answers = [
    await send(`/${body.id}`, own),
    await send(`/${body.id}`, { ...own, method: 'DELETE' }),
    await send(`/${body.id}/rotate`, { ...own, method: 'POST' }),
    await send(`/${body.id}/enable`, { ...own, method: 'POST' }),
    await send(`/${body.id}/deliveries`, own),
    await send(`/${body.id}/deliveries/${delivery}`, own),
    await send(`/${body.id}/deliveries/${delivery}/replay`, { ...own, method: 'POST' }),
    await send(`/deliveries/${delivery}/replay`, { ...own, method: 'POST' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
  expect((await send('', own)).body.items).toEqual([])
  expect((await send(`/${body.id}`)).status).toBe(200)
})

test('a subscription that is deleted is gone with what waits for it', async () => {
  const { body } = await subscribe()
  await addDeliveries(body.id, ['pending'])
  expect((await send(`/${body.id}`, { method: 'DELETE' })).status).toBe(204)
  expect((await send(`/${body.id}`)).status).toBe(404)
  const { rows } = await api.db.query('select 1 from webhook_deliveries')
  expect(rows).toEqual([])
})

test('nobody has more than a hundred, however many ask at once', async () => {
  await api.db.query(
    `insert into webhook_endpoints (id, kind, owner, url, events, scopes, secrets_cipher)
     select gen_random_uuid(), 'subscription', e.owner, $1, '{create}', '{}', ''
       from (select owner from webhook_endpoints where id = $2) e, generate_series(1, 97)`,
    [PUBLIC, (await subscribe()).body.id],
  )
  const answers = await Promise.all(Array.from({ length: 5 }, async () => await subscribe()))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(3)
})

test('subscriptions are listed in pages', async () => {
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) ids.push((await subscribe()).body.id)
  const seen: string[] = []
  let next = ''
  do {
    const cursor = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const { body } = await send(`?limit=2${cursor}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    next = body.next ?? ''
  } while (next !== '')
  expect(seen).toEqual(ids)
})

test('a rotation gives the next secret; another one keeps all that still sign', async () => {
  const { body, headers } = await subscribe()
  const rotated = await send(`/${body.id}/rotate`, { method: 'POST' })
  expect(rotated.status).toBe(200)
  expect(rotated.body.secret).toMatch(/^whsec_/)
  expect(rotated.body.secret).not.toBe(body.secret)
  const inADay = new Date(rotated.body.previousSignsUntil).getTime() - Date.now()
  expect(inADay / 3_600_000).toBeCloseTo(24, 1)
  expect((await send(`/${body.id}`)).headers.get('etag')).not.toBe(headers.get('etag'))
})

test('a rotation that is repeated with its key rotates once', async () => {
  const { body } = await subscribe()
  const call = { method: 'POST', headers: { 'idempotency-key': 'rotate-once' } }
  const first = await send(`/${body.id}/rotate`, call)
  const second = await send(`/${body.id}/rotate`, call)
  expect(second.body).toEqual(first.body)
})

test('a disabled subscription says why, and can be enabled', async () => {
  const { body } = await subscribe()
  await api.db.query(
    `update webhook_endpoints set state = 'disabled', disabled_reason = 'gone', failing_since = now()`,
  )
  expect((await send(`/${body.id}`)).body).toMatchObject({
    state: 'disabled',
    disabledReason: 'gone',
  })
  const [dead] = await addDeliveries(body.id, ['failed'])
  const refused = await send(`/deliveries/${dead}/replay`, { method: 'POST' })
  expect([refused.status, refused.body.code]).toEqual([409, 'subscription_disabled'])
  const enabled = await send(`/${body.id}/enable`, { method: 'POST' })
  expect([enabled.status, enabled.body.state]).toEqual([200, 'active'])
  expect(enabled.body).not.toHaveProperty('disabledReason')
  expect((await send(`/deliveries/${dead}/replay`, { method: 'POST' })).status).toBe(202)
})

test('deliveries are listed newest first, by state, without what they said', async () => {
  const { body } = await subscribe()
  const ids = await addDeliveries(body.id, ['succeeded', 'failed', 'pending', 'failed'])
  const path = `/${body.id}/deliveries`
  const first = await send(`${path}?limit=3`)
  expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual([ids[3], ids[2], ids[1]])
  expect(first.headers.get('link')).toContain('rel="next"')
  const rest = await send(`${path}?limit=3&cursor=${encodeURIComponent(first.body.next)}`)
  expect(rest.body).toMatchObject({ items: [{ id: ids[0], state: 'succeeded' }], next: null })
  const dead = await send(`${path}?state=failed`)
  expect(dead.body.items).toMatchObject([
    { id: ids[3], attempts: 3, error: { code: 'http_500' } },
    { id: ids[1] },
  ])
  expect(JSON.stringify([first.body, rest.body])).not.toContain('content')
})

test('a settled delivery is replayed from its first attempt on, and its sender called', async () => {
  const { body } = await subscribe()
  const [dead, arrived] = await addDeliveries(body.id, ['failed', 'succeeded'])
  const replayed = await send(`/deliveries/${dead}/replay`, { method: 'POST' })
  expect(replayed.status).toBe(202)
  expect(replayed.body).toMatchObject({ id: dead, state: 'pending', attempts: 0 })
  const location = replayed.headers.get('location') ?? ''
  expect(location).toBe(`/v1/webhook-subscriptions/${body.id}/deliveries/${dead}`)
  expect((await api.call(location, { scope: '' })).status).toBe(403)
  const again = await send(`/${body.id}/deliveries/${dead}/replay`, { method: 'POST' })
  expect([again.status, again.body.code]).toEqual([409, 'delivery_pending'])
  const other = await send(`/${body.id}/deliveries/${arrived}/replay`, { method: 'POST' })
  expect(other.status).toBe(202)
  const { rows } = await api.db.query('select workflow_id from workflow_starts')
  expect(rows).toEqual([{ workflow_id: `webhookEndpoint:${body.id}` }])
})

test('what has been overtaken by something newer of the same person is not replayed', async () => {
  const { body } = await subscribe()
  const ids = await addDeliveries(body.id, ['failed', 'succeeded'])
  await api.db.query(
    `update webhook_deliveries set profile_id = '01990a5e-2f7c-7000-8000-000000000001'`,
  )
  const refused = await send(`/deliveries/${ids[0]}/replay`, { method: 'POST' })
  expect([refused.status, refused.body.code]).toEqual([409, 'delivery_superseded'])
})

test('everything that is done to a subscription is in the audit log', async () => {
  const { body } = await subscribe()
  const { id } = body
  const [dead] = await addDeliveries(id, ['failed'])
  await send(`/${id}/rotate`, { method: 'POST' })
  await send(`/${id}/enable`, { method: 'POST' })
  await send(`/deliveries/${dead}/replay`, { method: 'POST' })
  await send(`/${id}`, { method: 'DELETE' })
  const { rows } = await api.db.query<{ action: string }>(
    `select action from audit_entries where subject_type = 'webhook-subscription' and subject_id = $1
      order by seq`,
    [id],
  )
  expect(rows.map(({ action }) => action.split('.')[1])).toEqual([
    'created',
    'rotated',
    'enabled',
    'replayed',
    'deleted',
  ])
})
