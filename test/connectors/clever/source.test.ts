import { startCleverStandIn, type CleverStandIn } from '../../../cli/sample-district/clever.ts'
import type { RosterSourceSettings } from '../../../connectors/roster/settings.ts'
import type { HttpClient } from '../../../connectors/http/client.ts'
import { listRecords } from '../../../core/sample/district.ts'
import { drawMutations } from '../../../core/sample/district-mutations.ts'
import type { RosterSource } from '../../../core/roster/source.ts'
import {
  applyEntries,
  createLoopbackClient,
  createTestDistrict,
  listState,
  misbehave,
  openSource,
  pull,
  type RosterState,
} from '../../support/roster-servers.ts'

const DAY_MS = 86_400_000
const { signal } = new AbortController()

let http: HttpClient
let clever: CleverStandIn
let source: RosterSource

beforeAll(() => {
  http = createLoopbackClient()
})
afterAll(() => http.close())
beforeEach(async () => {
  clever = await startCleverStandIn({ district: createTestDistrict('clever') })
  source = openSource(clever.settings, { http })
})
afterEach(async () => await clever.close())

async function restart(
  options: Omit<Parameters<typeof startCleverStandIn>[0], 'district'>,
): Promise<void> {
  await clever.close()
  clever = await startCleverStandIn({ district: createTestDistrict('clever'), ...options })
  source = openSource(clever.settings, { http })
}

function expectedState(): RosterState {
  const district = clever.getDistrict()
  const collections = ['schools', 'terms', 'courses', 'sections', 'users', 'enrollments'] as const
  const state = new Map<string, unknown>()
  for (const collection of collections) {
    for (const { record, isGone } of listRecords(district, collection)) {
      if (isGone) continue
      const isSection = collection === 'sections' && 'subject' in record
      const told = isSection ? { ...record, subject: String(record.subject).toLowerCase() } : record
      state.set(`${collection} ${record.id}`, told)
    }
  }
  return state
}

async function baseline(): Promise<string> {
  return (await source.readBaseline(signal)) ?? ''
}

async function changed(since: string): Promise<RosterState> {
  const before = applyEntries(new Map(), (await pull(source)).entries)
  return applyEntries(before, (await pull(source, 'incremental', since)).entries)
}

test('a full pull gives every record as the district has it, and nobody twice', async () => {
  const { entries, faults } = await pull(source)
  expect(faults).toEqual([])
  expect(applyEntries(new Map(), entries)).toEqual(expectedState())
  const ids = entries.flatMap((entry) => (entry.op === 'put' ? [entry.record.id] : []))
  expect(new Set(ids).size).toBe(ids.length)
})

test('a full pull follows relative links by their cursor alone, with a new source for each page', async () => {
  await restart({ maxLimit: 7 })
  const { entries } = await pull(() => openSource(clever.settings, { http }))
  expect(applyEntries(new Map(), entries)).toEqual(expectedState())
  expect(
    clever.requests.filter((request) => request.includes('starting_after=')).length,
  ).toBeGreaterThan(8)
})

test('a limit that was too large for one collection is not tried with the next one', async () => {
  await restart({ maxLimit: 5_000 })
  await pull(source)
  const refused = clever.requests.filter((request) => request.includes('limit=10000'))
  expect(refused).toHaveLength(1)
})

test('a limit that is too large is halved once, and what will do is kept for later pages', async () => {
  await restart({ maxLimit: 5_000 })
  await pull(source)
  const limits = clever.requests
    .filter((request) => request.startsWith('/v3.1/schools'))
    .map((request) => new URLSearchParams(request.split('?')[1]).get('limit'))
  expect(limits).toEqual(['10000', '5000'])
})

test.each([
  ['no next', { data: [], links: [] }],
  [
    'empty data with a next',
    { data: [], links: [{ rel: 'next', uri: '/v3.1/terms?starting_after=x' }] },
  ],
  [
    'a next without a cursor',
    { data: [{ data: { id: 't', name: 'T' } }], links: [{ rel: 'next', uri: '/v3.1/terms' }] },
  ],
])('a stream ends at %s', async (_, body) => {
  clever.intercept((request) =>
    request.path.endsWith('/terms') ? { status: 200, body } : undefined,
  )
  const page = await source.readPage({ mode: 'full', stream: 'terms', cursor: undefined, signal })
  expect(page.next).toBeUndefined()
})

test('a link to the same page again fails instead of going on for ever', async () => {
  const body = {
    data: [{ data: { id: 'a', name: 'A' } }],
    links: [{ rel: 'next', uri: '/v3.1/terms?starting_after=a' }],
  }
  clever.intercept(() => ({ status: 200, body }))
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
})

test.each([500, 502, 503])(
  '%i is tried again, and given up after three attempts',
  async (status) => {
    const bad = { status, body: { error: 'try later' } }
    clever.intercept(misbehave('/schools', [bad, bad]))
    await expect(pull(source)).resolves.toMatchObject({ faults: [] })
    clever.intercept(() => bad)
    const before = clever.requests.length
    await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed', status: 502 })
    expect(clever.requests.length - before).toBe(3)
  },
)

test.each([400, 404, 501])('%i is not tried again', async (status) => {
  clever.intercept(() => ({ status, body: { message: 'no' } }))
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
  expect(clever.requests).toHaveLength(1)
})

test.each([
  ['an HTML page', '<html>maintenance</html>'],
  ['an error', { error: 'internal' }],
  ['data that is no list', { data: {} }],
  ['a list', []],
])('%s under 200 is a failure, never an empty roster', async (_, body) => {
  clever.intercept(() => ({ status: 200, body }))
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
})

test('a connection that breaks is tried again, and is source_unreachable after that', async () => {
  clever.intercept(misbehave('/schools', ['hang-up', 'hang-up']))
  await expect(pull(source)).resolves.toMatchObject({ faults: [] })
  clever.intercept(() => 'hang-up')
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_unreachable', status: 503 })
})

test('429 is waited for until X-RateLimit-Reset, and counts as no attempt', async () => {
  const reset = String(Math.floor(Date.now() / 1_000) + 1)
  let refusals = 0
  clever.intercept(() => {
    if (Date.now() >= Number(reset) * 1_000) return undefined
    refusals += 1
    return { status: 429, headers: { 'x-ratelimit-reset': reset }, body: { error: 'slow' } }
  })
  const strict = openSource(clever.settings, { http, maxAttempts: 1 })
  await expect(pull(strict)).resolves.toMatchObject({ faults: [] })
  expect(refusals).toBeGreaterThan(0)
  expect(Date.now()).toBeGreaterThanOrEqual(Number(reset) * 1_000)
})

test('a wait for the rate limit ends at once when nobody waits any more', async () => {
  const reset = String(Math.floor(Date.now() / 1_000) + 50)
  clever.intercept(() => ({ status: 429, headers: { 'x-ratelimit-reset': reset }, body: {} }))
  const stopping = new AbortController()
  const page = source.readPage({
    mode: 'full',
    stream: 'schools',
    cursor: undefined,
    signal: stopping.signal,
  })
  setTimeout(() => stopping.abort(), 100)
  const started = Date.now()
  await expect(page).rejects.toMatchObject({ code: 'call_aborted' })
  expect(Date.now() - started).toBeLessThan(20_000)
})

test('sources of one token share its window: the last request of it is never exceeded', async () => {
  await restart({ perMinute: 12 })
  const [first, second] = [
    openSource(clever.settings, { http }),
    openSource(clever.settings, { http }),
  ]
  await pull(first)
  const stopping = new AbortController()
  setTimeout(() => stopping.abort(), 300)
  const reading = (async () => {
    for (;;) {
      await second.readPage({
        mode: 'full',
        stream: 'schools',
        cursor: undefined,
        signal: stopping.signal,
      })
    }
  })()
  await expect(reading).rejects.toMatchObject({ code: 'call_aborted' })
  expect(clever.requests).toHaveLength(12)
})

test('the token of the district is looked up, kept, and looked up once more after a 401', async () => {
  const client = openSource(clever.clientSettings, { http })
  await pull(client)
  await pull(openSource(clever.clientSettings, { http }))
  const lookUps = (): number =>
    clever.requests.filter((request) => request.startsWith('/oauth/tokens?owner_type=district'))
      .length
  expect(lookUps()).toBe(1)
  clever.replaceToken()
  await expect(pull(client)).resolves.toMatchObject({ faults: [] })
  expect(lookUps()).toBe(2)
})

test('a 401 after one more look at the credential is source_unauthorized, within few requests', async () => {
  const client = openSource(clever.clientSettings, { http })
  clever.intercept(({ path }) => (path === '/oauth/tokens' ? undefined : { status: 401, body: {} }))
  await expect(pull(client)).rejects.toMatchObject({ code: 'source_unauthorized', status: 401 })
  expect(clever.requests.length).toBeLessThanOrEqual(4)
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_unauthorized' })
})

test('a client with tokens of several districts has to name one, and one with one need not', async () => {
  const { districtId: _, ...auth } = clever.clientSettings.auth as { districtId?: string }
  const settings = { ...clever.clientSettings, auth } as RosterSourceSettings
  await expect(pull(openSource(settings, { http }))).rejects.toMatchObject({
    code: 'source_unauthorized',
  })
  clever.intercept(({ path }, answer) => {
    if (path !== '/oauth/tokens') return undefined
    const { data } = answer().body as { data: unknown[] }
    return { status: 200, body: { data: data.slice(-1), links: [] } }
  })
  await expect(pull(openSource(settings, { http }))).resolves.toMatchObject({ faults: [] })
})

test('a district that the client has no token of is source_unauthorized', async () => {
  const { auth } = clever.clientSettings
  const other = { ...clever.clientSettings, auth: { ...auth, districtId: 'unknown' } }
  await expect(pull(openSource(other as never, { http }))).rejects.toMatchObject({
    code: 'source_unauthorized',
  })
})

test('a student who is listed and may not be read does not fail the section', async () => {
  const students = [...listRecords(clever.getDistrict(), 'users')].filter(
    ({ record }) => 'roles' in record && record.roles.includes('student'),
  )
  const hidden = students[0]?.record.id ?? ''
  await restart({ invisible: new Set([hidden]) })
  const state = applyEntries(new Map(), (await pull(source)).entries)
  expect(state.has(`users ${hidden}`)).toBe(false)
  const listed = listState(state, 'enrollments').filter(
    (one) => (one as { userId: string }).userId === hidden,
  )
  expect(listed.length).toBeGreaterThan(0)
})

test('nothing of passwords, phones, addresses and guardians is taken', async () => {
  const text = JSON.stringify(await pull(source))
  for (const word of ['canary', '202-555', '1/31/2012']) expect(text).not.toContain(word)
})

test('contacts come with their role, and a student with a second role is a fault', async () => {
  const state = applyEntries(new Map(), (await pull(source)).entries)
  const roles = new Set(
    listState(state, 'users').flatMap((user) => (user as { roles: string[] }).roles),
  )
  expect([...roles].toSorted()).toEqual([
    'contact',
    'district_admin',
    'staff',
    'student',
    'teacher',
  ])
  const mixed = { id: 'm', name: { first: 'A', last: 'B' }, roles: { student: {}, teacher: {} } }
  clever.intercept(({ query }) =>
    query.get('role') === 'student'
      ? { status: 200, body: { data: [{ data: mixed }], links: [] } }
      : undefined,
  )
  const { faults } = await pull(source)
  expect(faults).toEqual([
    expect.objectContaining({ entity: 'users', id: 'm', code: 'mixed_roles' }),
  ])
})

test.each([3, 4, 5])(
  'events make of the last pull what a full one gives (seed %i)',
  async (seed) => {
    let state = applyEntries(new Map(), (await pull(source)).entries)
    const at = new Date().toISOString()
    for (const mutation of drawMutations(seed, { count: 15, at })) {
      const since = await baseline()
      clever.mutate(mutation)
      state = applyEntries(state, (await pull(source, 'incremental', since)).entries)
      expect(state).toEqual(applyEntries(new Map(), (await pull(source)).entries))
    }
    expect(state).toEqual(expectedState())
  },
)

test('the baseline is the newest event, and later ones are read oldest first, page by page', async () => {
  const [first, ...rest] = drawMutations(5, { count: 8, at: new Date().toISOString() })
  if (first) clever.mutate(first)
  const since = await baseline()
  expect(clever.requests.at(-1)).toMatch(/events\?(?=.*ending_before=last)(?=.*limit=1\b)/)
  rest.forEach((mutation) => clever.mutate(mutation))
  const limited: typeof source = openSource(clever.settings, { http })
  const { entries } = await pull(limited, 'incremental', since)
  const again = await pull(limited, 'incremental', await baseline())
  expect(entries.length).toBeGreaterThan(0)
  expect(again.entries).toEqual([])
})

test('a whole school that is re-keyed and a new school year come as events too', async () => {
  const since = await baseline()
  const at = new Date().toISOString()
  clever.mutate({ kind: 're-key', seed: 1, at, school: 1 })
  clever.mutate({ kind: 'roll-over', seed: 1, at })
  expect(await changed(since)).toEqual(expectedState())
})

test.each([
  [
    'is older than 30 days',
    async () => JSON.stringify({ id: 'x', at: new Date(Date.now() - 31 * DAY_MS).toISOString() }),
  ],
  [
    'is not known any more',
    async () => JSON.stringify({ id: 'unknown', at: new Date().toISOString() }),
  ],
])('an incremental pull whose cursor %s needs a full one', async (_, since) => {
  await expect(pull(source, 'incremental', await since())).rejects.toMatchObject({
    code: 'cursor_expired',
    status: 410,
  })
})

test('events that are switched off give no baseline, and end an incremental pull', async () => {
  const since = await baseline()
  clever.setEvents(false)
  await expect(source.readBaseline(signal)).resolves.toBeUndefined()
  await expect(pull(source, 'incremental', since)).rejects.toMatchObject({ code: 'cursor_expired' })
})

test('events that may not be read are switched off, and nothing else that is forbidden is', async () => {
  const since = await baseline()
  const forbidden = { status: 403, body: { error: 'no scope' } }
  clever.intercept(({ path }) => (path.endsWith('/events') ? forbidden : undefined))
  await expect(source.readBaseline(signal)).resolves.toBeUndefined()
  await expect(pull(source, 'incremental', since)).rejects.toMatchObject({ code: 'cursor_expired' })
  clever.intercept(() => forbidden)
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_unauthorized' })
})

test('what must not be read is named, with what is to be done', async () => {
  const forbidden = { status: 403, body: { error: 'no scope' } }
  clever.intercept(({ path }) => (path.endsWith('/sections') ? forbidden : undefined))
  await expect(pull(source)).rejects.toThrow(
    /read \/sections of Clever.*give them the right to read it/,
  )
})

test('check() asks for the district, and throws for a token that is refused', async () => {
  await expect(source.check(signal)).resolves.toBeUndefined()
  const { baseUrl } = clever.settings
  const other = openSource(
    { kind: 'clever', baseUrl, auth: { type: 'bearer', token: 'no' } },
    { http },
  )
  await expect(other.check(signal)).rejects.toMatchObject({ code: 'source_unauthorized' })
})

test('credentials of another kind are refused before anything is sent', () => {
  const auth = {
    type: 'oauth1',
    consumerKey: 'k',
    consumerSecret: 's',
    signatureMethod: 'HMAC-SHA1',
  } as const
  expect(() => openSource({ ...clever.settings, auth }, { http })).toThrow(
    expect.objectContaining({ code: 'invalid_settings' }),
  )
})
