import { createAuth0Source } from '../../../connectors/auth0/source.ts'
import { createHttpClient, type HttpClient } from '../../../connectors/http/client.ts'
import type { ProfileSource, SourceRow } from '../../../core/source/source.ts'
import { TestAuth0 } from '../../support/auth0.ts'
import { silentLog } from '../../support/temporal.ts'

const now = new Date('2026-06-01T00:00:00Z')

let auth0: TestAuth0
let http: HttpClient
let source: ProfileSource

beforeAll(async () => {
  auth0 = await TestAuth0.start()
  http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
})
beforeEach(() => {
  auth0.users.clear()
  auth0.calls.length = 0
  auth0.hiddenUsers = 0
  auth0.saysTotals = true
  source = createAuth0Source({
    name: 'logins',
    publisher: 'access_provider',
    guard: { count: 1, share: 0 },
    baseUrl: auth0.url,
    clientId: 'registrar',
    clientSecret: 'right-secret',
    connections: ['github'],
    http,
    nowMs: () => Date.now(),
  })
})
afterAll(async () => {
  http.close()
  await auth0.close()
})

function addUser(number: number, change: Record<string, unknown> = {}): void {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 1_000).toISOString()
  auth0.users.set(`github|${number}`, {
    user_id: `github|${number}`,
    email: `User${number}@example.org`,
    email_verified: true,
    given_name: 'Pat',
    family_name: `Number ${number}`,
    logins_count: 2,
    last_login: '2026-05-20T00:00:00.000Z',
    created_at: at,
    updated_at: at,
    identities: [{ provider: 'github', connection: 'github', user_id: number }],
    ...change,
  })
}

async function read(since?: string): Promise<{ rows: SourceRow[]; next: string | undefined }> {
  const rows: SourceRow[] = []
  const next = await source.read({
    since,
    now,
    signal: new AbortController().signal,
    async onRows(batch) {
      rows.push(...batch)
      await Promise.resolve()
    },
  })
  return { rows, next }
}

test('reads the users of its connections, as the vault knows them', async () => {
  addUser(1)
  addUser(2, { identities: [{ provider: 'x', connection: 'another', user_id: 2 }] })
  expect((await read()).rows).toEqual([
    {
      key: 'github|1',
      contents: {
        user_id: 'github|1',
        login_method: 'github',
        active: true,
        primary_email: 'user1@example.org',
        first_name: 'Pat',
        last_name: 'Number 1',
        'identities.github_id_v3': '1',
        'identities.github_primary_email': 'user1@example.org',
      },
    },
  ])
})

test.each([
  ['one login', { logins_count: 1 }],
  ['a last login 32 days ago', { last_login: '2026-04-29T00:00:00.000Z' }],
  ['no login', { last_login: undefined }],
  ['no verified e-mail', { email_verified: false }],
])('who has %s is there, and nothing of them is taken', async (_, change) => {
  addUser(1, change)
  expect((await read()).rows).toEqual([{ key: 'github|1', isPassedOver: true }])
})

test.each([true, false])(
  'reads more users than a search lists, each once (totals: %s)',
  async (saysTotals) => {
    auth0.saysTotals = saysTotals
    for (let number = 1; number <= 2_345; number += 1) addUser(number)
    const { rows } = await read()
    expect(new Set(rows.map(({ key }) => key)).size).toBe(2_345)
    expect(rows).toHaveLength(2_345)
  },
)

test('reads again only who has changed', async () => {
  for (let number = 1; number <= 5; number += 1) addUser(number)
  const { next } = await read()
  addUser(3, { updated_at: '2026-05-31T00:00:00.000Z' })
  const { rows, next: after } = await read(next)
  expect(rows.map(({ key }) => key)).toEqual(['github|3', 'github|5'])
  expect(after).toBe('2026-05-31T00:00:00.000Z')
})

test('a list that is shorter than it says is no list', async () => {
  addUser(1)
  auth0.hiddenUsers = -5
  await expect(read()).rejects.toMatchObject({ code: 'source_cut_off' })
})

test('a user without an id is a row that says so', async () => {
  addUser(1, { user_id: undefined })
  expect((await read()).rows).toEqual([{ fault: 'invalid_record' }])
})
