import { openSeatSite, type SeatSite } from '../support/seats.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const TENANT = 'district'
const settings = {
  capacity: 3,
  reservations: { s2: 1 },
  rule: { roles: ['student'] },
  overLimit: { policy: 'waitlist' },
  releaseGrace: 'P14D',
  priorities: [{ grades: ['12'], priority: 1 }],
}

let api: TestApi
let site: SeatSite

beforeAll(async () => {
  api = await startTestApi()
  site = await openSeatSite(api.db, { tenant: TENANT })
})
afterAll(async () => await api.close())

type CallOptions = {
  readonly scope?: string
  readonly tenant?: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { scope = 'roster:read roster:admin', tenant = TENANT, json, headers } = options
  const authorization = `Bearer ${await api.token(scope, { tenant })}`
  return await api.call(path, { method, json, headers: { ...headers, authorization } })
}

async function put(name: string, change: object = {}): Promise<Response> {
  return await call('PUT', `/tenants/${TENANT}/products/${name}`, {
    json: { ...settings, ...change },
  })
}

test('a product is made, read back as it was put, and changed', async () => {
  const made = await put('reading')
  expect([made.status, await made.json()]).toEqual([201, settings])
  expect(made.headers.get('location')).toBe('/tenants/district/products/reading')
  const path = '/tenants/district/products/reading'
  const read = await call('GET', path)
  expect([read.status, read.headers.get('etag'), await read.json()]).toEqual([200, '"1"', settings])
  const changed = await put('reading', { capacity: 9 })
  expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"'])
  const minimal = await call('PUT', path, { json: { capacity: 1 } })
  expect(await minimal.json()).toMatchObject({
    overLimit: { policy: 'hard' },
    releaseGrace: 'P14D',
  })
})

test('If-Match is not needed, and holds when it is there', async () => {
  await put('held')
  const path = '/tenants/district/products/held'
  const send = async (tag: string): Promise<number> =>
    (await call('PUT', path, { json: settings, headers: { 'if-match': tag } })).status
  expect([await send('"1"'), await send('"1"')]).toEqual([200, 412])
  const missing = '/tenants/district/products/missing'
  const options = { json: settings, headers: { 'if-match': '"1"' } }
  expect((await call('PUT', missing, options)).status).toBe(412)
})

test.each([
  ['/reservations', { reservations: { s1: 2, s2: 2 } }],
  ['/capacity', { capacity: -1 }],
  ['/releaseGrace', { releaseGrace: 'two weeks' }],
  ['/overLimit/maxPercent', { overLimit: { policy: 'overage' } }],
  ['/rule/buildings', { rule: { buildings: [] } }],
  ['/seats', { seats: 1 }],
])('a fault at %s is a 422 that names it', async (pointer, change) => {
  const answer = await put('faulty', change)
  expect([answer.status, await answer.json()]).toMatchObject([422, { errors: [{ pointer }] }])
  expect((await call('GET', '/tenants/district/products/faulty')).status).toBe(404)
})

test('seats are listed with counts: holders, then who waits, page by page', async () => {
  await put('math')
  for (const user of ['u1', 'u2', 'u3']) await site.enroll(user)
  await site.enroll('u4', { beginDate: '2026-08-18', grades: ['12'] })
  await site.enroll('u5', { beginDate: '2026-08-16' })
  await site.run()
  const path = '/tenants/district/products/math/seats'
  const first = await call('GET', `${path}?limit=2`)
  const page = (await first.json()) as Page
  expect(page).toMatchObject({ capacity: 3, assigned: 2, waiting: 2 })
  const link = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
  const second = (await (await call('GET', link)).json()) as Page
  const seats = [...page.items, ...second.items]
  expect(seats.map(({ id, state }) => [id, state])).toEqual([
    ['clever:u5', 'active'],
    ['clever:u1', 'active'],
    ['clever:u2', 'waiting'],
    ['clever:u3', 'waiting'],
  ])
  expect(seats[0]).toEqual({
    id: 'clever:u5',
    externalId: 'clever:u5',
    state: 'active',
    school: 's1',
    enrolledAt: '2026-08-16T00:00:00.000Z',
    priority: 100,
    releaseAt: null,
    overUntil: null,
  })
  expect(second.next).toBeNull()
  const schools = await (await call('GET', '/tenants/district/products/math/schools')).json()
  expect(schools).toEqual({
    items: [
      { school: 's1', name: 'School s1', reserved: 0, active: 2, releasing: 0, waiting: 2 },
      { school: 's2', name: null, reserved: 1, active: 0, releasing: 0, waiting: 0 },
    ],
    next: null,
  })
})

test('products are listed by name with their counts, page by page', async () => {
  await put('algebra')
  const first = (await (await call('GET', '/tenants/district/products?limit=1')).json()) as Page
  expect(first.items).toEqual([{ product: 'algebra', ...settings, assigned: 0, waiting: 0 }])
  const path = `/tenants/district/products?limit=1&cursor=${first.next}`
  const second = (await (await call('GET', path)).json()) as Page
  expect(second.items).toMatchObject([{ product: 'held' }])
})

test('a product that nobody synced for has no seats; one that is not there is a 404', async () => {
  await put('empty%20one')
  const path = '/tenants/district/products'
  const empty = await call('GET', `${path}/empty%20one/seats`)
  expect(await empty.json()).toEqual({
    capacity: 3,
    assigned: 0,
    waiting: 0,
    items: [],
    next: null,
  })
  for (const missing of ['nothing', 'nothing/seats', 'nothing/schools', '%07']) {
    expect((await call('GET', `${path}/${missing}`)).status).toBe(404)
  }
})

const paths = ['products', 'products/math', 'products/math/seats', 'products/math/schools']

test.each(paths)('GET …/%s is 404 for another tenant and 403 without the scope', async (path) => {
  const url = `/tenants/${TENANT}/${path}`
  const status = async (options: CallOptions): Promise<number> =>
    (await call('GET', url, options)).status
  expect(await status({ tenant: 'other' })).toBe(404)
  expect(await status({ scope: 'roster:admin' })).toBe(403)
  expect(await status({ scope: 'roster:read' })).toBe(200)
  expect((await api.call(url, { scope: 'roster:read' })).status).toBe(404)
})

test('PUT is 404 for another tenant and 403 without the scope; each is in the audit log', async () => {
  const url = `/tenants/${TENANT}/products/guarded`
  const other = await call('PUT', url, { tenant: 'other', json: settings })
  const reader = await call('PUT', url, { scope: 'roster:read', json: settings })
  expect([other.status, reader.status]).toEqual([404, 403])
  await put('guarded')
  const { rows } = await api.db.query(
    `select actor, action, cause - 'requestId' as cause from audit_entries
     where subject_id = 'district/guarded'`,
  )
  const cause = { tenant: TENANT, version: 1 }
  expect(rows).toEqual([{ actor: 'test-client', action: 'product.changed', cause }])
})

type Page = {
  readonly items: Record<string, unknown>[]
  readonly next: string | null
}
