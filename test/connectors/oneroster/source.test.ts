import {
  startOneRosterStandIn,
  type OneRosterStandIn,
  type OneRosterStandInOptions,
} from '../../../cli/sample-district/oneroster.ts'
import type { HttpClient } from '../../../connectors/http/client.ts'
import { listRecords } from '../../../core/sample/district.ts'
import { drawMutations } from '../../../core/sample/district-mutations.ts'
import { rosterCollections } from '../../../core/roster/record.ts'
import type { RosterSource } from '../../../core/roster/source.ts'
import {
  applyEntries,
  createLoopbackClient,
  createTestDistrict,
  misbehave,
  openSource,
  pull,
  type RosterState,
} from '../../support/roster-servers.ts'

const { signal } = new AbortController()

let http: HttpClient
let server: OneRosterStandIn
let source: RosterSource

beforeAll(() => {
  http = createLoopbackClient()
})
afterAll(() => http.close())
beforeEach(async () => await start({}))
afterEach(async () => await server.close())

async function start(options: Partial<OneRosterStandInOptions>): Promise<void> {
  server = await startOneRosterStandIn({
    district: createTestDistrict('oneroster'),
    version: '1.2',
    ...options,
  })
  source = openSource(server.settings, { http })
}

async function restart(options: Partial<OneRosterStandInOptions>): Promise<void> {
  await server.close()
  await start(options)
}

/** In 1.1 a person has one role. */
function expectedState(version: '1.1' | '1.2' = '1.2'): RosterState {
  const state = new Map<string, unknown>()
  for (const collection of rosterCollections) {
    for (const { record, isGone } of listRecords(server.getDistrict(), collection)) {
      if (isGone) continue
      const isBoth = version === '1.1' && 'roles' in record && record.roles.length > 1
      state.set(`${collection} ${record.id}`, isBoth ? { ...record, roles: ['teacher'] } : record)
    }
  }
  return state
}

async function pullState(): Promise<RosterState> {
  return applyEntries(new Map(), (await pull(source)).entries)
}

function offsetsOf(collection: string): (string | null)[] {
  return server.requests
    .filter((request) => request.includes(`/${collection}?`))
    .map((request) => new URLSearchParams(request.split('?')[1]).get('offset'))
}

test.each([
  ['1.1', 'bearer', 'classlink'],
  ['1.1', 'oauth1', 'oneroster'],
  ['1.2', 'oauth1', 'classlink'],
  ['1.2', 'oauth2', 'oneroster'],
] as const)('a full pull of %s by %s as %s gives every record', async (version, authType, kind) => {
  await restart({ version, authType, kind })
  const { entries, faults } = await pull(() => openSource(server.settings, { http }))
  expect(faults).toEqual([])
  expect(applyEntries(new Map(), entries)).toEqual(expectedState(version))
})

test('ids with |, /, % and spaces arrive as they are written', async () => {
  const ids = [...(await pullState()).keys()].join('\n')
  for (const odd of ['|x', '/b', ' c', '%2F']) expect(ids).toContain(odd)
})

test('a limit that is clamped without a word is gone on with by the rows received', async () => {
  await restart({ manner: { maxLimit: 7, total: 'missing' } })
  expect(await pullState()).toEqual(expectedState())
  expect(offsetsOf('academicSessions')).toEqual(['0', '2'])
  expect(offsetsOf('courses')).toEqual(['0', '7', '12'])
})

test('a total never ends a pull: one that says too little is gone beyond', async () => {
  await restart({ manner: { maxLimit: 7, total: -9 } })
  expect(await pullState()).toEqual(expectedState())
})

test('a pull that ends short of the total is incomplete, never a smaller roster', async () => {
  await restart({ manner: { total: 1 } })
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_incomplete' })
})

test('a pull whose total falls on the way is incomplete: rows have moved', async () => {
  await restart({ manner: { maxLimit: 4 } })
  server.intercept(({ path, query }, answer) => {
    if (!path.endsWith('/courses') || query.get('offset') === '0') return undefined
    const usual = answer()
    return { ...usual, headers: { ...usual.headers, 'x-total-count': '11' } }
  })
  await expect(pull(source)).resolves.toBeDefined()
  server.intercept(({ path, query }, answer) => {
    if (!path.endsWith('/courses') || query.get('offset') !== '8') return undefined
    return { ...answer(), headers: { 'x-total-count': '8' }, body: { courses: [] } }
  })
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_incomplete' })
})

test('a short page ends a collection once the server has given a full one, and not before', async () => {
  await restart({ manner: { total: 'missing' } })
  const cursor = JSON.stringify({ offset: 0, limit: 10, honoursLimit: false })
  const first = await source.readPage({ mode: 'full', stream: 'courses', cursor, signal })
  const second = await source.readPage({
    mode: 'full',
    stream: 'courses',
    cursor: first.next,
    signal,
  })
  expect([first, second].map(({ entries }) => entries.length)).toEqual([10, 2])
  expect(second.next).toBeUndefined()
  await pull(source)
  expect(offsetsOf('academicSessions')).toEqual(['0', '2'])
})

test('a server that ignores the offset fails instead of going on for ever', async () => {
  server.intercept(({ path }) =>
    path.endsWith('/terms')
      ? { status: 200, body: { academicSessions: [] } }
      : {
          status: 200,
          body: { orgs: [{ sourcedId: 'a', type: 'school' }], courses: [], classes: [] },
        },
  )
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
  expect(server.requests.length).toBeLessThan(4)
})

test.each([
  ['an HTML page', '<html>sign in</html>'],
  ['a key that is no list', { orgs: { sourcedId: 'x' } }],
  ['another key', { users: [] }],
  ['an error envelope', { imsx_codeMajor: 'failure', imsx_severity: 'error' }],
  [
    'an error envelope beside an empty list',
    { orgs: [], statusInfoSet: [{ imsx_codeMajor: 'failure', imsx_severity: 'error' }] },
  ],
  ['errors beside an empty list', { orgs: [], errors: ['no permission'] }],
  ['null', null],
])('%s under 200 is a failure, never an empty roster', async (_, body) => {
  server.intercept(() => ({ status: 200, body }))
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed', status: 502 })
})

test('a 502 is tried again with half the limit', async () => {
  const bad = { status: 502, body: '<html>bad gateway</html>' }
  server.intercept(misbehave('/orgs', [bad, bad]))
  expect(await pullState()).toEqual(expectedState())
  const limits = server.requests
    .filter((request) => request.includes('/orgs?'))
    .map((request) => new URLSearchParams(request.split('?')[1]).get('limit'))
  expect(limits).toEqual(['5000', '2500', '1250', '1250'])
  server.intercept(({ query }) => (Number(query.get('limit')) > 300 ? bad : undefined))
  expect(await pullState()).toEqual(expectedState())
  server.intercept(() => bad)
  const before = server.requests.length
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
  expect(server.requests.length - before).toBeLessThanOrEqual(9)
})

test('Retry-After is waited for, and counts as no attempt', async () => {
  const limited = { status: 429, headers: { 'retry-after': '1' }, body: {} }
  server.intercept(misbehave('/orgs', [limited, { ...limited, status: 503 }]))
  const started = Date.now()
  await expect(pull(openSource(server.settings, { http, maxAttempts: 1 }))).resolves.toBeDefined()
  expect(Date.now() - started).toBeGreaterThan(1_900)
})

test.each([400, 404, 500])('%i is not tried again in a full pull', async (status) => {
  server.intercept(() => ({ status, body: {} }))
  await expect(pull(source)).rejects.toMatchObject({ code: 'source_failed' })
  expect(server.requests).toHaveLength(1)
})

test('every page says which revision of permissions it was read by', async () => {
  await restart({ manner: { maxLimit: 5, revision: 'r1' } })
  const first = await source.readPage({
    mode: 'full',
    stream: 'courses',
    cursor: undefined,
    signal,
  })
  server.setManner({ revision: 'r2' })
  const second = await source.readPage({
    mode: 'full',
    stream: 'courses',
    cursor: first.next,
    signal,
  })
  expect([first.revision, second.revision]).toEqual(['r1', 'r2'])
})

test('a token of OAuth 2 is kept for all sources, and fetched anew after a 401', async () => {
  await restart({ authType: 'oauth2' })
  await pull(source)
  await pull(openSource(server.settings, { http }))
  expect(server.countTokens()).toBe(1)
  server.revokeTokens()
  await expect(pull(source)).resolves.toBeDefined()
  expect(server.countTokens()).toBe(2)
})

test.each(['bearer', 'oauth1', 'oauth2'] as const)(
  'credentials by %s that are refused are source_unauthorized, within few requests',
  async (authType) => {
    await restart({ authType })
    server.intercept(() => ({ status: 401, body: {} }))
    await expect(pull(source)).rejects.toMatchObject({ code: 'source_unauthorized', status: 401 })
    await expect(source.check(signal)).rejects.toMatchObject({ code: 'source_unauthorized' })
    expect(server.requests.length).toBeLessThan(12)
  },
)

test('nothing of passwords, phones and guardians is taken, and no link is followed', async () => {
  for (const version of ['1.1', '1.2'] as const) {
    await restart({ version })
    const text = JSON.stringify(await pull(source))
    for (const word of ['canary', '202-555', 'href', 'stand-in']) expect(text).not.toContain(word)
  }
})

test('what was modified since the baseline makes of the last pull what a full one gives', async () => {
  let state = await pullState()
  const minutes = 60_000
  const at = new Date().toISOString()
  for (const mutation of drawMutations(4, { count: 25, at })) {
    const nowMs = Date.parse(mutation.at) + 9 * minutes
    const since = await openSource(server.settings, { http, nowMs: () => nowMs }).readBaseline(
      signal,
    )
    server.mutate(mutation)
    const { entries } = await pull(source, 'incremental', since)
    state = applyEntries(state, entries)
    expect(state).toEqual(expectedState())
  }
  expect(state).toEqual(await pullState())
})

test('a baseline is ten minutes before the pull', async () => {
  const nowMs = Date.parse('2026-11-01T12:00:00.000Z')
  const timed = openSource(server.settings, { http, nowMs: () => nowMs })
  await expect(timed.readBaseline(signal)).resolves.toBe('2026-11-01T11:50:00.000Z')
})

test('a server that cannot filter by date needs a full pull', async () => {
  server.intercept(({ query }) => (query.has('filter') ? { status: 400, body: {} } : undefined))
  await expect(pull(source, 'incremental', '2026-11-01T11:50:00.000Z')).rejects.toMatchObject({
    code: 'cursor_expired',
    status: 410,
  })
})
