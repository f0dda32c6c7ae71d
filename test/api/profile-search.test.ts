import { leafPaths } from '../../core/profile/attributes.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestProfile, storeTestProfile, type Content } from '../support/profiles.ts'

type Found = { readonly id: string; readonly user_id: string; readonly profile?: object }
type Page = { readonly users: readonly Found[]; readonly nextPage: string | null }

const PATH = '/v2/users/id/all/by_attribute_contains'
const SCOPE = 'search:all read:fullprofile display:all'
const LONG = 'x'.repeat(300)

const persons: Readonly<Record<string, Readonly<Record<string, Content>>>> = {
  ada: {
    'staff_information.title': 'Senior Engineer',
    'staff_information.team': 'Records 100%',
    'staff_information.office_location': 'Berlin',
    'staff_information.cost_center': '1337.0',
    'staff_information.worker_type': 'Employee',
    'staff_information.manager': true,
    'staff_information.director': false,
    'access_information.ldap': { vpn: null, 'team_a.b': 'described' },
    'access_information.mozilliansorg': { chess: 'Plays chess' },
  },
  bob: {
    'staff_information.title': 'Engineer',
    'staff_information.team': `Records ${LONG}`,
    'staff_information.office_location': 'Berlin Mitte',
    'staff_information.cost_center': '1338.0',
    'staff_information.worker_type': 'Contractor',
    'staff_information.manager': false,
    'staff_information.director': false,
    'access_information.ldap': { vpn: 'With a description' },
    'access_information.mozilliansorg': { [LONG]: null },
  },
  // Nobody of the staff: all of it is null.
  cleo: Object.fromEntries(
    leafPaths.filter((path) => path.startsWith('staff_information.')).map((path) => [path, null]),
  ),
}

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
  const groups = { 'access_information.ldap': null, 'access_information.mozilliansorg': null }
  for (const [name, contents] of Object.entries(persons)) {
    const userId = `ad|Mozilla-LDAP|${name}`
    await storeTestProfile(
      api.db,
      createTestProfile({ userId, contents: { ...groups, ...contents } }),
    )
  }
  const gone = { active: false, 'access_information.ldap': { vpn: null } }
  await storeTestProfile(api.db, createTestProfile({ userId: 'email|gone', contents: gone }))
})
afterAll(async () => await api.close())

test.each([
  ['staff_information.title=Engineer', 'ada bob'],
  ['staff_information.title=Senior', 'ada'],
  ['staff_information.title=engineer', ''],
  ['staff_information.title=E', 'ada bob'],
  ['staff_information.title=Senior Engineer', 'ada'],
  ['staff_information.title=neer Eng', ''],
  ['staff_information.title=Senior&staff_information.title=Engineer', 'ada'],
  ['staff_information.title=Engineer&exact=true', 'bob'],
  ['staff_information.title=Engineer&exact=True', 'bob'],
  ['staff_information.title=Engineer&exact=false', 'ada bob'],
  ['not_staff_information.title=Senior', 'bob cleo'],
  ['not_staff_information.title=Engineer&exact=true', 'ada cleo'],
  ['staff_information.team=100%25', 'ada'],
  ['staff_information.team=100_', ''],
  ['staff_information.team=Records LONG&exact=true', 'bob'],
  ['staff_information.team=Records LONGx&exact=true', ''],
  ['staff_information.office_location=Berlin', 'ada bob'],
  ['staff_information.cost_center=1337', 'ada'],
  ['staff_information.cost_center=1337&exact=true', ''],
  ['staff_information.worker_type=tract', 'bob'],
  ['staff_information.manager=true', 'ada'],
  ['staff_information.manager=True', 'ada'],
  ['staff_information.manager=false', 'bob'],
  ['not_staff_information.manager=true', 'bob cleo'],
  ['staff_information.director=false', 'ada bob'],
  ['not_staff_information.staff=true', 'cleo'],
  ['access_information.ldap=vpn', 'ada bob'],
  ['access_information.ldap=vp', ''],
  ['access_information.ldap=team_a.b', 'ada'],
  ['access_information.ldap=described', ''],
  ['not_access_information.ldap=vpn', 'cleo'],
  ['access_information.mozilliansorg=chess', 'ada'],
  ['access_information.mozilliansorg=LONG', 'bob'],
  ['access_information.ldap=vpn&access_information.ldap=team_a.b', 'ada'],
  ['access_information.ldap=vpn&not_access_information.ldap=team_a.b', 'bob'],
  [
    'access_information.ldap=vpn&staff_information.manager=false&staff_information.title=Eng',
    'bob',
  ],
  ['access_information.ldap=vpn&staff_information.title=Cook', ''],
  ['access_information.ldap=vpn&active=false', 'gone'],
  ['access_information.ldap=vpn&active=any', 'ada bob gone'],
  [`access_information.ldap=${encodeURIComponent("'; drop table profiles; --")}`, ''],
])('a search by %s finds "%s"', async (query, names) => {
  const page = await search(query.replace('LONG', LONG))
  const found = page.users.map(({ id }) => id.slice(id.lastIndexOf('|') + 1))
  expect(found.toSorted()).toEqual(names.split(' ').filter(Boolean))
  expect(page.nextPage).toBeNull()
})

test('a search gives ids, and profiles when asked, each as the token may see it', async () => {
  const bare = await search('staff_information.title=Senior')
  expect(bare.users).toEqual([
    {
      id: 'ad|Mozilla-LDAP|ada',
      user_id: 'ad|Mozilla-LDAP|ada',
      uuid: expect.any(String),
      primary_email: 'person1@example.com',
      active: true,
    },
  ])
  const full = await search('staff_information.title=Senior&fullProfiles=True')
  expect(full.users[0]?.profile).toHaveProperty('staff_information.title.value', 'Senior Engineer')
  const narrow = await search(
    'staff_information.title=Senior&fullProfiles=true&filterDisplay=public',
  )
  expect(narrow.users[0]?.profile).toMatchObject({ staff_information: {} })
})

test.each([
  ['', 400],
  ['active=true', 400],
  ['staff_information.wpr_desk_number=1', 400],
  ['primary_email=a@example.com', 400],
  ['not_not_staff_information.title=x', 400],
  ['access_information.hris=x', 400],
  ['staff_information.title=', 400],
  ['staff_information.manager=yes', 400],
  ['staff_information.title=a%00b', 400],
  ['staff_information.title=x&exact=perhaps', 400],
  ['staff_information.title=x&nextPage=x', 400],
])('a search by "%s" is answered with %i', async (query, status) => {
  const response = await api.call(`${PATH}?${query}`, { scope: SCOPE })
  expect(response.status).toBe(status)
})

test.each([
  ['read:fullprofile display:all', 'access_information.ldap=vpn', 403],
  ['search:all', 'access_information.ldap=vpn', 200],
  ['search:all', 'not_access_information.mozilliansorg=vpn', 200],
  ['search:all display:all', 'staff_information.title=x', 403],
  ['search:all display:all', 'not_staff_information.title=x', 403],
  ['search:all classification:workgroup', 'staff_information.title=x', 403],
  ['search:all classification:mozilla_confidential', 'staff_information.title=x', 200],
  ['search:all classification:mozilla_confidential', 'staff_information.cost_center=x', 403],
  ['search:all classification:workgroup:staff_only', 'staff_information.cost_center=x', 200],
  ['search:all read:fullprofile', 'staff_information.worker_type=x', 200],
  ['search:all', 'access_information.ldap=vpn&staff_information.manager=true', 403],
])('a token with "%s" that searches by %s is answered with %i', async (scope, query, status) => {
  expect((await api.call(`${PATH}?${query}`, { scope })).status).toBe(status)
})

test('a search that finds many gives full pages, each person once', async () => {
  const seeds = Array.from({ length: 150 }, (_, index) => index + 1)
  await Promise.all(
    seeds.map(async (seed) => {
      const contents = { 'access_information.ldap': { crowd: null } }
      const userId = `ad|Mozilla-LDAP|crowd${seed}`
      await storeTestProfile(api.db, createTestProfile({ seed, userId, contents }))
    }),
  )
  const first = await search('access_information.ldap=crowd')
  expect(first.users).toHaveLength(100)
  const token = encodeURIComponent(first.nextPage ?? '')
  const second = await search(`access_information.ldap=crowd&nextPage=${token}`)
  expect([second.users.length, second.nextPage]).toEqual([50, null])
  const ids = [...first.users, ...second.users].map(({ id }) => id)
  expect(new Set(ids).size).toBe(150)
})

async function search(query: string): Promise<Page> {
  const response = await api.call(`${PATH}?${query}`, { scope: SCOPE })
  expect([query, response.status]).toEqual([query, 200])
  return (await response.json()) as Page
}
