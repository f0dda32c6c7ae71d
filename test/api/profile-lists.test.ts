import type { Profile } from '../../core/profile/document.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestProfile, storeTestProfile } from '../support/profiles.ts'

type ProfilePage = { readonly Items: readonly Profile[]; readonly nextPage: string | null }
type Listed = {
  uuid: string
  user_id: string
  primary_email: string | null
  active: boolean | null
}
type IdPage = { readonly users: readonly Listed[]; readonly nextPage: string | null }

const EVERYTHING = 'read:fullprofile display:all'
const methods = ['ad|Mozilla-LDAP', 'email', 'github', 'google-oauth2', 'oauth2|firefoxaccounts']
const ACTIVE = 230
const INACTIVE = 5

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
  const seeds = Array.from({ length: ACTIVE + INACTIVE }, (_, index) => index + 1)
  await Promise.all(
    seeds.map(async (seed) => {
      const method = seed <= 210 ? methods[0] : methods[1 + (seed % 4)]
      const contents = { active: seed <= ACTIVE }
      const profile = createTestProfile({ seed, userId: `${method}|id${seed}`, contents })
      await storeTestProfile(api.db, profile)
    }),
  )
  await storeTestProfile(api.db, createTestProfile({ seed: 900, contents: { active: null } }))
  await storeTestProfile(api.db, createTestProfile({ seed: 901 }), { deleted: true })
})
afterAll(async () => await api.close())

describe('GET /v2/users', () => {
  test('gives every active person once, on full pages', async () => {
    const pages = await readPages<ProfilePage>('/v2/users')
    expect(pages.map(({ Items }) => Items.length)).toEqual([100, 100, 30])
    const ids = pages.flatMap(({ Items }) => Items.map((profile) => valueOf(profile, 'user_id')))
    expect(new Set(ids).size).toBe(ACTIVE)
  })

  test.each([
    ['?active=false', INACTIVE],
    ['?active=any', ACTIVE + INACTIVE + 1],
    ['?primaryEmail=PERSON7@example.com', 1],
    ['?primaryEmail=person231@example.com', 0],
    ['?primaryEmail=person231@example.com&active=any', 1],
    ['?primaryEmail=nobody@example.com', 0],
  ])('with %s gives %i persons', async (query, count) => {
    const pages = await readPages<ProfilePage>(`/v2/users${query}`)
    expect(pages.flatMap(({ Items }) => Items)).toHaveLength(count)
  })

  test('shows of each person what the token may see, narrowed as asked', async () => {
    const [bare] = await readPages<ProfilePage>('/v2/users?primaryEmail=person1@example.com', '')
    expect(Object.keys(bare?.Items[0] ?? {})).toEqual([
      'schema',
      'uuid',
      'primary_username',
      'identities',
      'access_information',
      'staff_information',
    ])
    const [staff] = await readPages<ProfilePage>(
      '/v2/users?primaryEmail=person1@example.com&filterDisplay=staff',
    )
    expect(Object.keys(staff?.Items[0]?.['staff_information'] ?? {})).toHaveLength(9)
    expect(staff?.Items[0]?.['first_name']).toBeUndefined()
  })

  test('refuses a token that is forged, of another list or of other filters', async () => {
    const { nextPage } = (await readPage<ProfilePage>('/v2/users')) ?? {}
    const token = encodeURIComponent(nextPage ?? '')
    expect((await api.call(`/v2/users?nextPage=${token}`, { scope: '' })).status).toBe(200)
    for (const path of [
      '/v2/users?nextPage=x',
      '/v2/users?nextPage=',
      `/v2/users?nextPage=${token}x`,
      `/v2/users?active=any&nextPage=${token}`,
      `/v2/users/id/all?connectionMethod=ad&nextPage=${token}`,
    ]) {
      const response = await api.call(path, { scope: '' })
      expect([path, response.status]).toEqual([path, 400])
      expect(await response.json()).toMatchObject({ code: 'integration_exception' })
    }
  })

  test('carries no personal data in its tokens', async () => {
    const { nextPage } = (await readPage<ProfilePage>('/v2/users')) ?? {}
    const parts = (nextPage ?? '')
      .split('~')
      .map((part) => Buffer.from(part, 'base64url').toString())
    expect(parts.join()).not.toMatch(/LDAP|example\.com/)
  })
})

describe('GET /v2/users/id/all', () => {
  test('gives the ids of every active person of the method once, on full pages', async () => {
    const pages = await readPages<IdPage>('/v2/users/id/all?connectionMethod=ad')
    expect(pages.map(({ users }) => users.length)).toEqual([100, 100, 10])
    const users = pages.flatMap((page) => page.users)
    expect(new Set(users.map((user) => user.user_id)).size).toBe(210)
    expect(users.find((user) => user.user_id === 'ad|Mozilla-LDAP|id7')).toEqual({
      uuid: expect.stringMatching(/^[\da-f-]{36}$/),
      user_id: 'ad|Mozilla-LDAP|id7',
      primary_email: 'person7@example.com',
      active: true,
    })
  })

  test.each([
    ['email', '', 5],
    ['github', '', 5],
    ['google-oauth2', '', 5],
    ['oauth2|firefoxaccounts', '', 5],
    ['email', '&active=any', 6],
    ['email', '&active=false', 1],
    ['ad', '&active=any', 211],
    ['a', '', 0],
    ['saml', '', 0],
  ])('gives for the method %s%s %i persons', async (method, query, count) => {
    const path = `/v2/users/id/all?connectionMethod=${encodeURIComponent(method)}${query}`
    const pages = await readPages<IdPage>(path)
    expect(pages.flatMap(({ users }) => users)).toHaveLength(count)
  })

  test('is 400 without a method', async () => {
    expect((await api.call('/v2/users/id/all', { scope: '' })).status).toBe(400)
    expect((await api.call('/v2/users/id/all?connectionMethod=', { scope: '' })).status).toBe(400)
  })
})

async function readPage<T>(path: string, scope = EVERYTHING): Promise<T> {
  const response = await api.call(path, { scope })
  expect([path, response.status]).toEqual([path, 200])
  return (await response.json()) as T
}

async function readPages<T extends { readonly nextPage: string | null }>(
  path: string,
  scope = EVERYTHING,
): Promise<T[]> {
  const pages: T[] = []
  let next: string | null = null
  do {
    const token: string = next === null ? '' : `nextPage=${encodeURIComponent(next)}`
    const page: T = await readPage<T>(`${path}${path.includes('?') ? '&' : '?'}${token}`, scope)
    pages.push(page)
    next = page.nextPage
  } while (next !== null)
  return pages
}

function valueOf(profile: Profile, name: string): unknown {
  return (profile[name] as { value?: unknown } | undefined)?.value
}
