import { startTestApi, type TestApi } from '../support/http.ts'
import { LoginApi } from '../support/logins.ts'

let api: TestApi
let logins: LoginApi

beforeAll(async () => {
  api = await startTestApi()
  logins = new LoginApi(api)
})
afterAll(async () => {
  await api.close()
})

test('a person is created, read, changed and deleted', async () => {
  const fields = { email: 'Zoe@example.org', name: 'Zoë', country: 'Finland', region: 'Uusimaa' }
  const created = await logins.putUser('zoë', fields)
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe('/user/zo%C3%AB')
  const person = { login: 'zoë', ...fields, source: 'manual', status: 'active' }
  expect(created.body).toEqual(person)
  const read = await logins.getUser('ZOË')
  expect([read.status, read.body]).toEqual([200, person])
  const etag = read.headers.get('etag') ?? ''
  expect(etag).toBe(created.headers.get('etag'))
  const changed = await logins.postUser('zoë', { status: 'disabled' }, etag)
  expect([changed.status, changed.body]).toEqual([200, { ...person, status: 'disabled' }])
  expect(changed.headers.get('etag')).not.toBe(etag)
  expect((await logins.deleteUser('Zoë')).status).toBe(204)
  expect((await logins.getUser('zoë')).status).toBe(404)
  expect((await logins.deleteUser('zoë')).status).toBe(404)
})

test('country and region are taken away with null, and nothing else is', async () => {
  const fields = { email: 'moved@example.org', name: 'Mo', country: 'Finland', region: 'Uusimaa' }
  await logins.putUser('moved', fields)
  const read = await logins.postUser('moved', { region: null })
  const { region: _region, ...rest } = fields
  const person = { login: 'moved', ...rest, source: 'manual', status: 'active' }
  expect([read.status, read.body]).toEqual([200, person])
  await logins.postUser('moved', { country: null, region: 'Lapland' })
  expect((await logins.getUser('moved')).body).toMatchObject({ region: 'Lapland' })
  expect((await logins.getUser('moved')).body).not.toHaveProperty('country')
  for (const name of ['email', 'name', 'source', 'status']) {
    expect((await logins.postUser('moved', { [name]: null })).status).toBe(422)
  }
})

test('every change of a person is audited with hashes', async () => {
  await logins.putUser('audited')
  await logins.postUser('audited', { name: 'Other' })
  await logins.postUser('audited', { name: 'Other' })
  await logins.deleteUser('audited')
  const { rows } = await api.db.query<{ action: string; actor: string; hashes: boolean[] }>(
    `select action, actor, array[before_hash is not null, after_hash is not null] as hashes
     from audit_entries where action like 'user.%' order by seq desc limit 3`,
  )
  expect(rows).toEqual([
    { action: 'user.deleted', actor: 'clerk', hashes: [true, false] },
    { action: 'user.updated', actor: 'clerk', hashes: [true, true] },
    { action: 'user.created', actor: 'clerk', hashes: [false, true] },
  ])
})

test('a version that was read of somebody is none of who gets the login later', async () => {
  await logins.putUser('heir')
  const etag = (await logins.getUser('heir')).headers.get('etag') ?? ''
  await logins.deleteUser('heir')
  await logins.putUser('heir')
  expect((await logins.postUser('heir', { name: 'Late' }, etag)).status).toBe(412)
})

test('a login is taken once, in whatever case', async () => {
  expect((await logins.putUser('Taken')).status).toBe(201)
  const again = await logins.putUser('tAKEN')
  expect([again.status, again.body.code]).toEqual([409, 'login_taken'])
})

test('a change needs the version that was read', async () => {
  await logins.putUser('versioned')
  expect((await logins.postUser('versioned', { name: 'x' }, '')).status).toBe(428)
  expect((await logins.postUser('versioned', { name: 'x' }, '"99"')).status).toBe(412)
  expect((await logins.postUser('nobody', { name: 'x' })).status).toBe(404)
})

test.each([
  'register',
  'approve',
  'reject',
  'revoke',
  'authn',
  'authz',
  'Register',
  'AUTHZ',
  'x'.repeat(65),
  ' x',
  'x ',
  'a/b',
  '...',
  'a\u0000b',
  'a\nb',
  'e\u0301',
])('nobody is called %j', async (login) => {
  expect((await logins.putUser(login)).status).toBe(422)
  expect((await logins.getUser(login)).status).toBeGreaterThanOrEqual(404)
})

test.each([
  ['a hash', { password_hash: '$argon2id$' }],
  ['a password', { password: 'nine ducks cross' }],
  ['an approver', { approved_by: 'me' }],
  ['groups', { groups: ['login_approvers'] }],
  ['a version', { version: 1 }],
  ['a state', { state: 'approved' }],
  ['a status that there is not', { status: 'admin' }],
  ['an address that is none', { email: 'nobody' }],
  ['another login', { login: 'somebody' }],
  ['an empty name', { name: ' ' }],
])('%s is refused with a pointer, on creation and change', async (_, field) => {
  const rest = { email: 'm@example.org', name: 'M' }
  const pointer = `/${Object.keys(field)[0] ?? ''}`
  const created = await logins.putUser('mass', { ...rest, ...field })
  expect([created.status, created.body.errors?.[0]?.pointer]).toEqual([422, pointer])
  await logins.putUser('changed')
  const changed = await logins.postUser('changed', field)
  expect([changed.status, changed.body.errors?.[0]?.pointer]).toEqual([422, pointer])
})

test('keys that reach a prototype are refused', async () => {
  const response = await api.call('/user/proto', {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${await api.token('user:write')}`,
      'content-type': 'application/json',
    },
    body: '{"email":"p@example.org","name":"P","__proto__":{"status":"active"}}',
  })
  expect(response.status).toBe(400)
  await response.text()
})

test('people need their scopes', async () => {
  const reader = { subject: 'reader', scope: 'user:read' }
  const send = async (method: string, scope: object): Promise<number> =>
    (await logins.people.as({ ...reader, ...scope }).send(method, '/user/scoped', { json: {} }))
      .status
  expect(await send('PUT', {})).toBe(403)
  expect(await send('POST', {})).toBe(403)
  expect(await send('DELETE', {})).toBe(403)
  const { status } = await logins.people
    .as({ subject: 'x', scope: 'user:write group:write' })
    .get('/user/scoped')
  expect(status).toBe(403)
})
