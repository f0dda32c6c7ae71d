import { randomUUID } from 'node:crypto'
import { listProfileFaults } from '../../core/profile/faults.ts'
import { createNullProfile } from '../../core/profile/null-profile.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import {
  createTestProfile,
  storeTestProfile,
  type TestProfileOptions,
} from '../support/profiles.ts'

type Body = { readonly [name: string]: { readonly value?: unknown; readonly values?: unknown } }

const EVERYTHING = 'read:fullprofile display:all'
const person = createTestProfile({ seed: 1 })
const keys = [
  ['user_id', 'ad|Mozilla-LDAP|person1'],
  ['uuid', valueOf(person as unknown as Body, 'uuid')],
  ['primary_email', 'person1@example.com'],
  ['primary_username', valueOf(person as unknown as Body, 'primary_username')],
] as const

let api: TestApi
let legacyApi: TestApi

beforeAll(async () => {
  api = await startTestApi()
  legacyApi = await startTestApi({ env: { LEGACY_NOT_FOUND: 'true' } })
  await storeTestProfile(api.db, person)
  await store({ seed: 2, contents: { active: false } })
  await store({ seed: 3, contents: { active: null } })
  await storeTestProfile(api.db, createTestProfile({ seed: 4 }), { deleted: true })
})
afterAll(async () => {
  await Promise.all([api.close(), legacyApi.close()])
})

describe.each(keys)('GET /v2/user/%s/{value}', (key, value) => {
  const path = `/v2/user/${key}/${encodeURIComponent(value)}`

  test('answers with the whole profile to a token that may see all of it', async () => {
    const response = await api.call(path, { scope: EVERYTHING })
    const body = (await response.json()) as Body
    expect(response.status).toBe(200)
    expect(body).toEqual(person)
    expect(Object.keys(body)).toEqual(Object.keys(createNullProfile()))
    expect(listProfileFaults(body)).toEqual([])
  })

  test('answers with what is public to a token without scopes, and with nothing to none', async () => {
    const body = (await (await api.call(path, { scope: '' })).json()) as Body
    expect(body).toEqual({
      schema: person.schema,
      uuid: person['uuid'],
      primary_username: person['primary_username'],
      identities: {},
      access_information: {},
      staff_information: {},
    })
    expect((await api.call(path)).status).toBe(401)
  })

  test('answers 304 to the version that it gave as ETag', async () => {
    const first = await api.call(path, { scope: '' })
    expect(first.headers.get('etag')).toBe('"1"')
    for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
      const headers = { 'if-none-match': tag }
      const again = await api.call(path, {
        scope: '',
        headers: { ...headers, ...(await bearer()) },
      })
      expect([again.status, await again.text()]).toEqual([304, ''])
    }
    const other = await api.call(path, {
      headers: { 'if-none-match': '"2"', ...(await bearer()) },
    })
    expect(other.status).toBe(200)
  })

  test('takes an id that was encoded twice', async () => {
    const twice = `/v2/user/${key}/${encodeURIComponent(encodeURIComponent(value))}`
    expect((await api.call(twice, { scope: '' })).status).toBe(200)
  })
})

test('GET /v2/user/primary_email/{value} finds an address whatever its case', async () => {
  const response = await api.call('/v2/user/primary_email/Person1%40EXAMPLE.com', { scope: '' })
  expect(response.status).toBe(200)
})

test('GET /v2/user/primary_email/{value} prefers no inactive person with the same address', async () => {
  const email = `${randomUUID()}@example.com`
  await store({
    seed: 10,
    userId: 'ad|Mozilla-LDAP|a',
    contents: { primary_email: email, active: false },
  })
  await store({ seed: 10, userId: 'email|b', contents: { primary_email: email } })
  const response = await api.call(`/v2/user/primary_email/${email}`, { scope: EVERYTHING })
  expect(valueOf((await response.json()) as Body, 'user_id')).toBe('email|b')
})

describe('the state', () => {
  test.each([
    [1, '', 200],
    [1, '?active=true', 200],
    [1, '?active=True', 200],
    [1, '?active=any', 200],
    [1, '?active=false', 404],
    [2, '', 404],
    [2, '?active=false', 200],
    [2, '?active=Any', 200],
    [3, '', 404],
    [3, '?active=false', 404],
    [3, '?active=any', 200],
    [4, '?active=any', 404],
    [9, '?active=any', 404],
    [1, '?active=maybe', 400],
    [1, '?active=', 400],
  ])('of person %i asked for by "%s" is answered with %i', async (seed, query, status) => {
    const path = `/v2/user/user_id/ad%7CMozilla-LDAP%7Cperson${seed}${query}`
    const response = await api.call(path, { scope: '' })
    expect(response.status).toBe(status)
  })
})

describe('nobody', () => {
  const path = '/v2/user/user_id/nobody'

  test('is a problem whose words do not repeat the id', async () => {
    const response = await api.call(path, { scope: '' })
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const { code, detail } = (await response.json()) as { code: string; detail: string }
    expect(code).toBe('profile_not_found')
    expect(detail).not.toContain('nobody')
  })

  test('is 200 and {} to old clients', async () => {
    const headers = { 'accept-version': '2', ...(await bearer()) }
    const response = await api.call(path, { headers })
    expect([response.status, await response.json()]).toEqual([200, {}])
  })

  test('is 200 and {} where the service is told so', async () => {
    const response = await legacyApi.call(path, { scope: '' })
    expect([response.status, await response.json()]).toEqual([200, {}])
  })

  test('is not found by an id that the database could not hold', async () => {
    expect((await api.call('/v2/user/user_id/a%00b', { scope: '' })).status).toBe(404)
    expect((await api.call('/v2/user/uuid/not-a-uuid', { scope: '' })).status).toBe(404)
  })
})

test('filterDisplay narrows what the scopes show', async () => {
  const read = async (query: string): Promise<Body> =>
    (await (
      await api.call(`/v2/user/uuid/${keys[1][1]}${query}`, { scope: EVERYTHING })
    ).json()) as Body
  expect(Object.keys((await read('?filterDisplay=staff'))['staff_information'] ?? {})).toHaveLength(
    9,
  )
  expect(Object.keys((await read('?filterDisplay=ndaed'))['staff_information'] ?? {})).toHaveLength(
    7,
  )
  expect((await read('?filterDisplay=private'))['user_id']).toBeUndefined()
  expect(Object.keys((await read('?filterDisplay=whoever'))['staff_information'] ?? {})).toEqual([])
})

describe('GET /v2/user/metadata/{primaryEmail}', () => {
  test.each([
    ['person1@example.com', true, true],
    ['PERSON2@example.com', true, true],
    ['nobody@example.com', false, false],
    ['person4@example.com', false, false],
  ])('says of %s whether it exists here and in LDAP', async (email, cis, ldap) => {
    const response = await api.call(`/v2/user/metadata/${encodeURIComponent(email)}`, { scope: '' })
    expect(await response.json()).toEqual({ exists: { cis, ldap } })
  })

  test('tells a person outside of LDAP', async () => {
    const contents = { 'access_information.ldap': null }
    await store({ seed: 11, userId: 'github|11', contents })
    const response = await api.call('/v2/user/metadata/person11@example.com', { scope: '' })
    expect(await response.json()).toEqual({ exists: { cis: true, ldap: false } })
  })

  test('needs a token', async () => {
    expect((await api.call('/v2/user/metadata/person1@example.com')).status).toBe(401)
  })
})

describe('GET /userinfo', () => {
  const subject = 'ad|Mozilla-LDAP|person1'

  test("answers with the subject's profile and groups", async () => {
    const response = await api.call('/userinfo', { headers: await bearer(EVERYTHING, subject) })
    const { groups, ...profile } = (await response.json()) as Body
    expect(profile).toEqual(person)
    expect(groups).toContain('everyone')
    expect(response.headers.get('etag')).toBe('"1"')
  })

  test('lists no groups that the token may not see', async () => {
    const headers = await bearer('display:staff', subject)
    const body = (await (await api.call('/userinfo', { headers })).json()) as Body
    expect(body['groups']).toEqual([])
  })

  test('answers 404 to a token about nobody', async () => {
    const headers = await bearer(EVERYTHING, 'machine')
    expect((await api.call('/userinfo', { headers })).status).toBe(404)
    expect((await api.call('/userinfo')).status).toBe(401)
  })
})

test.each<[string, Record<string, string>, number, string]>([
  ['/userinfo', {}, 401, 'authorization_header_missing'],
  ['/v2/users', { authorization: 'Basic eA==' }, 401, 'invalid_header'],
  ['/v2/user/metadata/a@example.com', { authorization: 'Bearer x' }, 401, 'invalid_header'],
  ['/v2/users/id/all', {}, 400, 'integration_exception'],
  ['/v2/users/id/all/by_attribute_contains', {}, 403, 'scope_missing'],
  ['/v2/user/uuid/nobody', {}, 404, 'profile_not_found'],
])('%s with %j is refused with %i and %s, described', async (path, given, ...[status, code]) => {
  const headers = status === 401 ? given : await bearer()
  const response = await api.call(path, { headers })
  expect(response.status).toBe(status)
  const body = (await response.json()) as { detail: string; description: string }
  expect(body).toMatchObject({ code, description: body.detail, status })
})

test('neither logs nor metrics name who was read', async () => {
  const metrics = await (await api.call('/metrics')).text()
  for (const text of [...api.logLines, metrics]) {
    expect(text).not.toMatch(/person1|Mozilla-LDAP|nobody/)
  }
  expect(metrics).toContain('route="/v2/user/user_id/{value}"')
})

async function store(options: TestProfileOptions): Promise<void> {
  await storeTestProfile(api.db, createTestProfile(options))
}

async function bearer(scope = '', subject = 'test-client'): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await api.token(scope, { subject })}` }
}

function valueOf(body: Body, name: string): string {
  return String(body[name]?.value)
}
