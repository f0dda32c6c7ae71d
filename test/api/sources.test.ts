import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { insertFailures, insertItems } from '../../db/source/items.ts'
import { endSourceRun } from '../../db/source/runs.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const scope = 'source:run'
const source = { name: 'staff', kind: 'hris', publisher: 'hris', every: '15m' }

let api: TestApi
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-sources-'))
  const file = join(directory, 'sources.json')
  await writeFile(file, JSON.stringify([source]))
  api = await startTestApi({ env: { SOURCES_FILE: file } })
})
beforeEach(async () => {
  await api.db.query('truncate source_runs, workflow_starts cascade')
})
afterAll(async () => {
  await api.close()
  await rm(directory, { recursive: true })
})

async function run(json: unknown = {}): Promise<{ id: string; location: string | null }> {
  const response = await api.call('/v1/sources/staff/runs', { method: 'POST', scope, json })
  const { id } = (await response.json()) as { id: string }
  return { id, location: response.headers.get('location') }
}

async function read(path: string): Promise<unknown> {
  return await (await api.call(path, { scope })).json()
}

test('a run is accepted, named by Location, and queued', async () => {
  const { id, location } = await run({ mode: 'incremental', dryRun: true })
  expect(location).toBe(`/v1/sources/staff/runs/${id}`)
  expect(await read(location ?? '')).toMatchObject({
    id,
    source: 'staff',
    publisher: 'hris',
    mode: 'incremental',
    dryRun: true,
    state: 'queued',
    counts: { read: 0, created: 0, updated: 0, deactivated: 0, unchanged: 0, failed: 0 },
    failures: [],
    approvalId: null,
    startedBy: 'test-client',
  })
  const retryAfter = async (): Promise<string | null> =>
    (await api.call(location ?? '', { scope })).headers.get('retry-after')
  expect(await retryAfter()).toBe('1')
  await endSourceRun(api.db, id, { state: 'succeeded' })
  expect(await retryAfter()).toBeNull()
  const { rows } = await api.db.query('select input from workflow_starts')
  expect(rows).toEqual([{ input: { source: 'staff', runId: id, from: 'reading' } }])
})

test('a source has one run at a time', async () => {
  const { id } = await run()
  const again = await api.call('/v1/sources/staff/runs', { method: 'POST', scope })
  expect([again.status, await again.json()]).toMatchObject([409, { code: 'run_under_way' }])
  await endSourceRun(api.db, id, { state: 'failed', code: 'credentials_refused' })
  expect((await api.call('/v1/sources/staff/runs', { method: 'POST', scope })).status).toBe(202)
})

test('sources are listed with their newest run', async () => {
  expect(await read('/v1/sources')).toEqual({ items: [{ ...source, lastRun: null }], next: null })
  const { id } = await run()
  expect(await read('/v1/sources')).toMatchObject({ items: [{ lastRun: { id } }] })
})

test('runs are listed the newest first, page by page', async () => {
  const ids: string[] = []
  for (let count = 0; count < 3; count += 1) {
    const { id } = await run()
    await endSourceRun(api.db, id, { state: 'succeeded' })
    ids.unshift(id)
  }
  const first = (await read('/v1/sources/staff/runs?limit=2')) as Page
  const query = `limit=2&cursor=${first.next}`
  const second = (await read(`/v1/sources/staff/runs?${query}`)) as Page
  expect([...first.items, ...second.items].map((item) => item['id'])).toEqual(ids)
  expect(second.next).toBeNull()
})

test('a run shows what it does, person by person, and who was left out', async () => {
  const { id } = await run()
  const contents = { active: true, 'staff_information.team': 'Registry' }
  await insertItems(api.db, id, [
    { item: 1, record: 1, key: 'a@example.org', userId: 'a', condition: 'update', contents },
    { item: 2, key: 'b', userId: 'b', condition: 'deactivate', contents: { active: false } },
  ])
  await insertFailures(api.db, id, [{ record: 2, key: null, code: 'no_work_email' }])
  const page = (await read(`/v1/sources/staff/runs/${id}/items?limit=1`)) as Page
  expect(page.items).toEqual([
    {
      item: 1,
      record: 1,
      key: 'a@example.org',
      condition: 'update',
      changed: ['active', 'staff_information.team'],
      state: 'pending',
      code: null,
    },
  ])
  const rest = `/v1/sources/staff/runs/${id}/items?limit=1&cursor=${page.next}`
  expect(await read(rest)).toMatchObject({ items: [{ item: 2, record: null }], next: null })
  expect(await read(`/v1/sources/staff/runs/${id}`)).toMatchObject({
    failures: [{ record: 2, key: null, code: 'no_work_email' }],
  })
})

test.each([
  ['GET', '/v1/sources/other/runs', 404],
  ['POST', '/v1/sources/other/runs', 404],
  ['GET', '/v1/sources/staff/runs/01990a5e-2f7c-7000-8000-3d9b6c1f0a42', 404],
  ['GET', '/v1/sources/staff/runs/nothing', 404],
])('%s %s is answered with %d', async (method, path, status) => {
  expect((await api.call(path, { method, scope })).status).toBe(status)
})

test('nothing of it is done without the scope', async () => {
  const token = { scope: 'propagation:write' }
  expect((await api.call('/v1/sources', token)).status).toBe(403)
  const post = { method: 'POST', ...token }
  expect((await api.call('/v1/sources/staff/runs', post)).status).toBe(403)
})

type Page = { readonly items: Record<string, unknown>[]; readonly next: string | null }
