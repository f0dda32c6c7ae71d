import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestApi, type TestApi } from '../support/http.ts'

let api: TestApi
const COMPACT_ADMIN = 'aslp/admin aslp/aslp.admin'
const OHIO_ADMIN = 'aslp/admin aslp/oh.admin'
const SECRET = 'a shared hook secret'.replaceAll(' ', '-')

type Call = {
  readonly method?: string
  readonly path?: string
  readonly scope?: string
  readonly subject?: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
type Answer = { readonly status: number; readonly body: any; readonly headers: Headers } // oxlint-disable-line typescript/no-explicit-any -- answers of any form

beforeAll(async () => {
  api = await startTestApi({ env: { TOKEN_HOOK_SECRET: SECRET } })
})
afterAll(async () => await api.close())
afterEach(async () => {
  await api.db.query('delete from staff_records')
  await api.db.query('delete from staff_users')
})

async function call(options: Call): Promise<Answer> {
  const { method = 'GET', path = '/v1/compacts/aslp/staff-users', scope = COMPACT_ADMIN } = options
  const subject = options.subject ?? 'machine'
  const response = await api.call(path, {
    method,
    headers: {
      authorization: `Bearer ${await api.token(scope, { subject })}`,
      ...options.headers,
    },
    ...(options.json === undefined ? {} : { json: options.json }),
  })
  const text = await response.text()
  const body: unknown = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, body, headers: response.headers }
}

async function create(
  userId: string,
  permissions: unknown,
  options: { readonly compact?: string; readonly scope?: string; readonly email?: string } = {},
): Promise<Answer> {
  const compact = options.compact ?? 'aslp'
  return await call({
    method: 'POST',
    path: `/v1/compacts/${compact}/staff-users`,
    scope: options.scope ?? `${compact}/${compact}.admin`,
    json: {
      userId,
      attributes: {
        email: options.email ?? `${userId}@board.example`,
        givenName: 'Ada',
        familyName: 'Byron',
      },
      permissions: { [compact]: permissions },
    },
  })
}

const at = (userId: string, compact = 'aslp'): string =>
  `/v1/compacts/${compact}/staff-users/${userId}`
const writeIn = (...codes: string[]): unknown => ({
  jurisdictions: Object.fromEntries(codes.map((code) => [code, { actions: { write: true } }])),
})

test('a staff user is created, read back with an ETag, and listed', async () => {
  const made = await create('u1', { actions: { admin: true }, ...(writeIn('oh') as object) })
  expect(made.status).toBe(201)
  expect(made.headers.get('location')).toBe(at('u1'))
  const read = await call({ path: at('u1') })
  expect(read.body).toEqual(made.body)
  expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
  expect(read.body).toMatchObject({
    userId: 'u1',
    attributes: { email: 'u1@board.example', givenName: 'Ada', familyName: 'Byron' },
    permissions: {
      aslp: { actions: { admin: true }, jurisdictions: { oh: { actions: { write: true } } } },
    },
    status: 'active',
  })
  expect((await call({})).body).toEqual({ items: [read.body], next: null })
})

test('a user with the same e-mail in another letter case gets the permissions merged', async () => {
  await create('u1', writeIn('oh'))
  const merged = await call({
    method: 'POST',
    json: {
      attributes: { email: 'U1@Board.Example', givenName: 'Other', familyName: 'Name' },
      permissions: { aslp: writeIn('ky') },
    },
  })
  expect(merged.status).toBe(200)
  expect(merged.body.userId).toBe('u1')
  expect(merged.body.attributes.givenName).toBe('Ada')
  expect(Object.keys(merged.body.permissions.aslp.jurisdictions)).toEqual(['ky', 'oh'])
})

test('a user id that has another e-mail address is a conflict', async () => {
  await create('u1', writeIn('oh'))
  expect((await create('u1', writeIn('oh'), { email: 'else@board.example' })).status).toBe(409)
  expect((await create('u2', writeIn('oh'), { email: 'u1@board.example' })).status).toBe(409)
})

test('permissions that nobody has are refused when they are written', async () => {
  expect((await create('u1', { actions: { write: true } })).status).toBe(422)
  expect((await create('u1', { jurisdictions: { zz: { actions: { write: true } } } })).status).toBe(
    422,
  )
  const other = await call({
    method: 'POST',
    json: {
      attributes: { email: 'a@b.example', givenName: 'A', familyName: 'B' },
      permissions: { octp: writeIn('oh') },
    },
  })
  expect(other.status).toBe(422)
  expect(other.body.errors[0].pointer).toBe('/permissions/octp')
})

test('the records decide what a token opens, whatever scopes it carries', async () => {
  await create('u1', writeIn('oh'))
  const form = (code: string): Call => ({
    path: `/v1/compacts/aslp/jurisdictions/${code}/licenses/bulk-upload`,
    subject: 'u1',
    scope: 'aslp/ky.write',
  })
  expect((await call(form('oh'))).status).toBe(200)
  expect((await call(form('ky'))).status).toBe(403)
})

test('a change acts at once, and scopes outside compacts stay with the token', async () => {
  await create('u1', writeIn('oh'))
  const form = { path: '/v1/compacts/aslp/jurisdictions/oh/licenses/bulk-upload', subject: 'u1' }
  expect((await call(form)).status).toBe(200)
  const revoked = await call({
    method: 'PATCH',
    path: at('u1'),
    json: { permissions: { aslp: { jurisdictions: { oh: { actions: { write: false } } } } } },
  })
  expect(revoked.body.permissions).toEqual({ aslp: { actions: {}, jurisdictions: {} } })
  expect((await call(form)).status).toBe(403)
  const audit = await call({ path: '/v1/audit', subject: 'u1', scope: 'audit:read' })
  expect(audit.status).toBe(200)
})

test('an inactive record gives no scopes, and only a compact administrator sets the status', async () => {
  await create('u1', writeIn('oh'))
  const off = { method: 'PATCH', path: at('u1'), json: { status: 'inactive' } }
  expect((await call({ ...off, scope: OHIO_ADMIN })).status).toBe(403)
  expect((await call(off)).status).toBe(200)
  const form = { path: '/v1/compacts/aslp/jurisdictions/oh/licenses/bulk-upload', subject: 'u1' }
  expect((await call(form)).status).toBe(403)
})

test('tokens of a deleted user open nothing, and the same address can be created again', async () => {
  await create('u1', writeIn('oh'))
  expect((await call({ method: 'DELETE', path: at('u1') })).status).toBe(204)
  const audit = { path: '/v1/audit', subject: 'u1', scope: 'audit:read' }
  expect((await call(audit)).status).toBe(403)
  expect((await call({ path: at('u1') })).status).toBe(404)
  expect((await create('u2', writeIn('oh'), { email: 'u1@board.example' })).status).toBe(201)
  expect((await create('u1', writeIn('oh'), { email: 'back@board.example' })).status).toBe(201)
  expect((await call(audit)).status).toBe(200)
})

test('a record that cannot be understood gives no scope at all, and an alert', async () => {
  await create('u1', writeIn('oh'))
  await api.db.query(`update staff_records set permissions = '{"actions":["fly"]}'`)
  const audit = { path: '/v1/audit', subject: 'u1', scope: 'audit:read' }
  expect((await call(audit)).status).toBe(403)
  await api.waitForLog('a staff record cannot be understood')
  expect(await (await api.call('/metrics')).text()).toContain('staff_records_broken_total 1')
  expect((await call({ path: at('u1') })).body.status).toBe('broken')
})

test('the last administrator of a compact can be neither revoked, made inactive nor deleted', async () => {
  await create('u1', { actions: { admin: true } })
  const revoke = {
    method: 'PATCH',
    path: at('u1'),
    json: { permissions: { aslp: { actions: { admin: false } } } },
  }
  expect((await call(revoke)).body.code).toBe('last_admin')
  expect((await call({ ...revoke, json: { status: 'inactive' } })).body.code).toBe('last_admin')
  expect((await call({ method: 'DELETE', path: at('u1') })).body.code).toBe('last_admin')
  await create('u2', { actions: { admin: true } })
  expect((await call(revoke)).status).toBe(200)
})

test('two last administrators who remove each other at once leave one', async () => {
  await create('u1', { actions: { admin: true } })
  await create('u2', { actions: { admin: true } })
  const statuses = await Promise.all(
    ['u1', 'u2'].map(async (id) => (await call({ method: 'DELETE', path: at(id) })).status),
  )
  expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 409])
})

test('a user with permissions in another compact is not deleted, and that compact is not named', async () => {
  await create('u1', writeIn('oh'))
  await create('u1', writeIn('oh'), { compact: 'octp' })
  const refused = await call({ method: 'DELETE', path: at('u1') })
  expect(refused.status).toBe(409)
  expect(JSON.stringify(refused.body)).not.toContain('octp')
  await call({
    method: 'PATCH',
    path: at('u1', 'octp'),
    scope: 'octp/octp.admin',
    json: { permissions: { octp: { jurisdictions: { oh: { actions: { write: false } } } } } },
  })
  expect((await call({ method: 'DELETE', path: at('u1') })).status).toBe(204)
})

test('a jurisdiction that is no active member of the compact is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-staff-'))
  const file = join(directory, 'compacts.json')
  const licenseTypes = [{ name: 'audiologist', abbreviation: 'aud' }]
  await writeFile(file, JSON.stringify({ aslp: { licenseTypes, members: ['oh'] } }))
  const small = await startTestApi({ env: { COMPACTS_FILE: file } })
  const attributes = { email: 'a@board.example', givenName: 'A', familyName: 'B' }
  const answer = await small.call('/v1/compacts/aslp/staff-users', {
    method: 'POST',
    scope: 'aslp/aslp.admin',
    json: { attributes, permissions: { aslp: writeIn('ky') } },
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ code: 'inactive_jurisdiction' })
  await small.close()
  await rm(directory, { recursive: true })
})

test('If-Match holds a change to the version that was read', async () => {
  const made = await create('u1', writeIn('oh'))
  const json = { permissions: { aslp: writeIn('ky') } }
  const headers = { 'if-match': String(made.headers.get('etag')) }
  const edit = { method: 'PATCH', path: at('u1'), json, headers }
  expect((await call(edit)).status).toBe(200)
  expect((await call(edit)).status).toBe(412)
  expect((await call({ method: 'DELETE', path: at('u1'), headers })).status).toBe(412)
})

describe('a jurisdiction administrator', () => {
  const asOhio = { scope: OHIO_ADMIN }
  beforeEach(async () => {
    await create('mine', writeIn('oh'))
    await create('shared', writeIn('oh', 'ky'))
    await create('foreign', writeIn('ky'))
    await create('top', { actions: { admin: true }, ...(writeIn('oh') as object) })
  })

  test('lists and gets those who hold something in its jurisdictions, others are 404', async () => {
    const { body } = await call(asOhio)
    expect(body.items.map((user: { userId: string }) => user.userId)).toEqual([
      'mine',
      'shared',
      'top',
    ])
    expect((await call({ ...asOhio, path: at('shared') })).status).toBe(200)
    expect((await call({ ...asOhio, path: at('foreign') })).status).toBe(404)
  })

  test.each<[string, unknown, number]>([
    ['own jurisdiction', { jurisdictions: { oh: { actions: { admin: true } } } }, 200],
    ['another jurisdiction', { jurisdictions: { ky: { actions: { write: false } } } }, 403],
    ['the compact', { actions: { readPrivate: true } }, 403],
  ])('changes permissions of its %s or not', async (_, permissions, status) => {
    const json = { permissions: { aslp: permissions } }
    expect((await call({ ...asOhio, method: 'PATCH', path: at('shared'), json })).status).toBe(
      status,
    )
  })

  test('changes nobody whom it may not see', async () => {
    const json = { permissions: { aslp: writeIn('oh') } }
    const answer = await call({ ...asOhio, method: 'PATCH', path: at('foreign'), json })
    expect(answer.status).toBe(404)
  })

  test('creates users with a permission in its own jurisdiction and none beyond', async () => {
    expect((await create('n1', writeIn('oh'), asOhio)).status).toBe(201)
    expect((await create('n2', writeIn('ky'), asOhio)).status).toBe(403)
    expect((await create('n3', writeIn('oh', 'ky'), asOhio)).status).toBe(403)
    expect((await create('n4', {}, asOhio)).status).toBe(403)
    expect((await create('n5', { actions: { admin: true } }, asOhio)).status).toBe(403)
  })

  test('deletes only whom nobody else gave anything', async () => {
    const remove = async (id: string): Promise<number> =>
      (await call({ ...asOhio, method: 'DELETE', path: at(id) })).status
    expect(await remove('foreign')).toBe(404)
    expect(await remove('shared')).toBe(403)
    expect(await remove('top')).toBe(403)
    expect(await remove('mine')).toBe(204)
  })
})

test.each<[string, string, string]>([
  ['no administration', 'aslp/readGeneral aslp/oh.write', 'aslp'],
  ['the coarse scope alone', 'aslp/admin', 'aslp'],
  ['administration of another compact', 'octp/octp.admin', 'aslp'],
])('a token with %s administers nothing', async (_, scope, compact) => {
  await create('u1', writeIn('oh'))
  const json = { permissions: { aslp: writeIn('ky') } }
  const user = at('u1', compact)
  expect((await call({ scope })).status).toBe(403)
  expect((await call({ scope, path: user })).status).toBe(403)
  expect((await call({ scope, method: 'PATCH', path: user, json })).status).toBe(403)
  expect((await call({ scope, method: 'DELETE', path: user })).status).toBe(403)
  expect((await create('u2', writeIn('oh'), { scope })).status).toBe(403)
})

test('one reads oneself with every compact, and changes nothing but names', async () => {
  await create('u1', writeIn('oh'))
  await create('u1', writeIn('ky'), { compact: 'octp' })
  const me = { path: '/v1/staff-users/me', subject: 'u1', scope: '' }
  expect(Object.keys((await call(me)).body.permissions)).toEqual(['aslp', 'octp'])
  const json = { attributes: { familyName: 'Lovelace' } }
  expect((await call({ ...me, method: 'PATCH', json })).body.attributes.familyName).toBe('Lovelace')
  const grab = { attributes: {}, permissions: { aslp: { actions: { admin: true } } } }
  expect((await call({ ...me, method: 'PATCH', json: grab })).status).toBe(422)
  expect((await call({ ...me, subject: 'nobody' })).status).toBe(404)
})

describe('the token hooks', () => {
  const hook = async (path: string, json: unknown, secret = SECRET): Promise<Answer> =>
    await call({
      method: 'POST',
      path: `/v1/token-hooks/${path}`,
      json,
      headers: { authorization: `Bearer ${secret}` },
    })

  test('answer the scopes of a subject', async () => {
    await create('u1', writeIn('al'))
    const { body } = await hook('scopes', { sub: 'u1' })
    expect(new Set(body.scopes)).toEqual(
      new Set(['profile', 'aslp/readGeneral', 'aslp/write', 'aslp/al.write']),
    )
    expect((await hook('scopes', { sub: 'nobody' })).body).toEqual({ scopes: [] })
  })

  test("fill in Cognito's event", async () => {
    await create('u1', { actions: { readSSN: true } })
    const event = {
      version: '2',
      userName: 'somebody',
      request: { userAttributes: { sub: 'u1' }, scopes: ['aslp/aslp.admin'] },
      response: { claimsAndScopeOverrideDetails: null },
    }
    const { body } = await hook('pre-token-generation', event)
    expect(body).toMatchObject({ version: '2', userName: 'somebody', request: event.request })
    expect(body.response.claimsAndScopeOverrideDetails.accessTokenGeneration).toEqual({
      scopesToAdd: ['profile', 'aslp/readGeneral', 'aslp/aslp.readSSN'],
      scopesToSuppress: ['aslp/aslp.admin'],
    })
  })

  test('refuse a client without the secret', async () => {
    const refused = await hook('scopes', { sub: 'u1' }, 'another secret'.replace(' ', '-'))
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain('invalid_token')
  })
})
