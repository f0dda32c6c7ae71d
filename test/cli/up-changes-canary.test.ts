import { listFinds, readLogFiles, readWorkflows, type Place } from '../support/canary.ts'
import {
  AUTH0_SECRET,
  createSitePerson,
  startChangeSite,
  type ChangeSite,
} from '../support/change-site.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestTemporal, type TestTemporal } from '../support/temporal.ts'

// Of each kind of thing that must not be told; every one contains the word.
const WORD = 'quokka'
const CONTENTS = {
  first_name: 'Quokkagiven',
  last_name: 'Quokkafamily',
  description: 'Likes quokkafood',
  ssh_public_keys: { laptop: 'ssh-ed25519 QUOKKAKEY' },
  'access_information.ldap': { quokkagroup: null },
}
const NEWER = { last_modified: '2026-01-01T00:00:00.000Z' }

let site: ChangeSite
let temporal: TestTemporal
let places: Place[]
let words: string[]

beforeAll(async () => {
  site = await startChangeSite({ env: { LOG_LEVEL: 'trace', ALLOW_DELETE: 'true' } })
  const { temporalAddress: address, temporalNamespace: namespace } = site.registrar.run
  temporal = createTestTemporal({ address, namespace, ring: site.ring })
  words = [WORD, AUTH0_SECRET, new URL(site.registrar.run.databaseUrl).password]
  places = await live()
}, 600_000)
afterAll(async () => await temporal.close())

// One person's life with all that can go wrong, and then everything that was written about it.
async function live(): Promise<Place[]> {
  const userId = await createSitePerson(site, 'quokkaid', CONTENTS)
  await change(userId, { description: 'Likes quokkawater' })
  await site.settle()
  await beRefused(userId)
  await askFor(userId)
  await failAtSinks(userId)
  const workflows = await readWorkflows(temporal)
  const metrics = await (await fetch(`${site.registrar.run.apiUrl}/metrics`)).text()
  const tables = await readTables()
  const files = await readLogFiles(site.dataDir)
  const { stdout, stderr } = await site.close()
  const printed = [
    { name: 'stdout', text: stdout },
    { name: 'stderr', text: stderr },
  ]
  return [...workflows, { name: 'metrics', text: metrics }, tables, ...files, ...printed]
}

async function change(userId: string, contents: Record<string, string>): Promise<void> {
  const body = await site.publishers.signAll('mozilliansorg', contents, NEWER)
  await site.submit({ publisher: 'mozilliansorg', userId, body })
}

async function call(path: string, init: RequestInit = {}): Promise<number> {
  const token = await site.token('write search:all read:fullprofile display:all', 'mozilliansorg')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return (await fetch(`${site.registrar.run.apiUrl}${path}`, { headers, ...init })).status
}

async function beRefused(userId: string): Promise<void> {
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const sign = site.publishers.signAll
  const forged = await sign('mozilliansorg', { description: 'quokka' }, NEWER)
  Object.assign(forged['description'] as object, { value: 'quokkaforged' })
  const foreign = await sign('mozilliansorg', { primary_email: 'quokka2@example.com' }, NEWER)
  const shapeless = { description: { value: { quokka: 'quokka' } } }
  for (const body of [forged, foreign, shapeless].map((one) => JSON.stringify(one))) {
    expect(await call(path, { method: 'POST', body })).toBeGreaterThanOrEqual(400)
  }
  expect(await call(path, { method: 'POST', body: '{"quokka": "quokka' })).toBe(400)
}

async function askFor(userId: string): Promise<void> {
  expect(await call(`/v2/user/user_id/${encodeURIComponent(userId)}`)).toBe(200)
  expect(await call('/v2/user/primary_email/quokkaid@example.com')).toBe(200)
  expect(await call('/v2/user/primary_email/quokkanobody@example.com')).toBe(404)
  expect(await call('/v2/users?primaryEmail=quokkaid@example.com')).toBe(200)
  expect(await call('/v2/users?nextPage=quokka')).toBe(400)
  expect(await call('/quokka?quokka=quokka')).toBe(404)
  const search = '/v2/users/id/all/by_attribute_contains?staff_information.title=quokka'
  expect(await call(search)).toBe(200)
}

// Both sinks answer with what they were given, one for a while and one for good.
async function failAtSinks(userId: string): Promise<void> {
  await site.db.query(
    `alter table people add constraint refuses check (profile->'fun_title'->>'value' is null)`,
  )
  const text = JSON.stringify({ message: `cannot take quokka of ${userId}` })
  site.auth0.misbehaviours.push({ status: 500, text }, { status: 400, text })
  await change(userId, { fun_title: 'Quokkakeeper' })
  await waitUntil('the first sink has failed for good', async () => {
    const { rows } = await site.db.query('select 1 from dead_letters')
    return rows.length > 0
  })
  await waitUntil('the second one has failed for now', async () => {
    const { rows } = await site.db.query(
      `select 1 from change_deliveries where sink = 'replica' and attempts > 1`,
    )
    return rows.length > 0
  })
}

async function readTables(): Promise<Place> {
  const tables = ['dead_letters', 'change_deliveries', 'sink_deliveries', 'workflow_starts']
  const texts = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await site.db.query<{ text: string | null }>(
        `select json_agg(t)::text as text from ${table} as t`,
      )
      return rows[0]?.text ?? ''
    }),
  )
  return { name: 'tables', text: texts.join('\n') }
}

test('nobody and no secret is told of in logs, metrics, failures, or what Temporal keeps', () => {
  expect(listFinds(places, words)).toEqual([])
})

test('what was looked through is there: logs, requests, runs with their inputs and failures', () => {
  const textOf = (name: string): string => places.find((place) => place.name === name)?.text ?? ''
  expect(textOf('stderr')).toContain('/v2/user')
  expect(textOf('metrics')).toContain('/v2/user')
  const runs = places.filter(({ name }) => name.startsWith('profile:'))
  expect(runs.length).toBeGreaterThan(0)
  expect(runs.some(({ text }) => text.includes('"profileId"'))).toBe(true)
  expect(runs.some(({ text }) => text.includes('Cannot'))).toBe(true)
  expect(textOf('tables')).toContain('login')
})
