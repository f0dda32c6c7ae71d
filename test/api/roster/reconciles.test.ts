import { endRosterReconcile, isReconcileStopAsked } from '../../../db/roster/reconcile-states.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import {
  addProvider,
  createTenantCaller,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const TENANT = 'valley'

type Json = Record<string, unknown>

let api: TestApi
let call: TenantCaller
let providerId: string

beforeAll(async () => {
  api = await startTestApi()
  call = createTenantCaller(api, TENANT)
})
beforeEach(async () => {
  await api.db.query('truncate roster_providers cascade')
  providerId = await addProvider(call, TENANT)
})
afterAll(async () => {
  await api.close()
})

async function post(json: object = {}, scope?: string): Promise<Response> {
  const options = { method: 'POST', json, ...(scope !== undefined && { scope }) }
  return await call(`/sync/${TENANT}/reconcile`, options)
}

test('a comparison is begun, shown, listed and ended', async () => {
  const response = await post({ repair: true })
  const report = (await response.json()) as Json
  const id = String(report['id'])
  expect(response.status).toBe(202)
  expect(response.headers.get('location')).toBe(`/sync/${TENANT}/reconciles/${id}`)
  expect(report).toMatchObject({ providerId, state: 'running', repair: true, endedAt: null })
  await endRosterReconcile(api.db, id, { code: 'target_unauthorized' })
  const shown = (await (await call(`/sync/${TENANT}/reconciles/${id}`)).json()) as Json
  expect(shown).toMatchObject({ state: 'failed', error: { code: 'target_unauthorized' } })
  const list = (await (await call(`/sync/${TENANT}/reconciles`)).json()) as Json
  expect(list).toEqual({ items: [shown], next: null })
  const { rows } = await api.db.query(
    `select workflow_type from workflow_starts where workflow_id = $1`,
    [`roster-reconcile:${id}`],
  )
  expect(rows.length).toBeLessThanOrEqual(1)
  const { rows: audit } = await api.db.query(
    `select cause ->> 'repair' as repair from audit_entries
     where action = 'roster.reconciled' and cause ->> 'reconcileId' = $1`,
    [id],
  )
  expect(audit).toEqual([{ repair: 'true' }])
})

test('reports and their entries come in pages', async () => {
  for (let count = 0; count < 3; count += 1) {
    const { id } = (await (await post()).json()) as { id: string }
    await api.db.query(
      `insert into roster_drifts (reconcile_id, kind, id, fields, outcome)
       select $1::uuid, k, i, '{}', 'found'
       from unnest(array['missing', 'differs']) k, unnest(array['a', 'b']) i`,
      [id],
    )
    await endRosterReconcile(api.db, id, {})
  }
  const ids = await readAll(`/sync/${TENANT}/reconciles?limit=2`)
  expect(new Set(ids).size).toBe(3)
  const entries = await readAll(`/sync/${TENANT}/reconciles/${ids[0] ?? ''}/drifts?limit=3`)
  expect(entries).toEqual(['a', 'b', 'a', 'b'])
})

async function readAll(first: string): Promise<string[]> {
  const ids: string[] = []
  for (let path: string | undefined = first; path !== undefined;) {
    const response = await call(path)
    const page = (await response.json()) as { items: { id: string }[]; next: string | null }
    ids.push(...page.items.map(({ id }) => id))
    const cursor: string | null = page.next
    path = cursor === null ? undefined : `${first}&cursor=${encodeURIComponent(cursor)}`
  }
  return ids
}

test('a comparison is asked to stop, once', async () => {
  const { id } = (await (await post()).json()) as { id: string }
  const path = `/sync/${TENANT}/reconciles/${id}/stop`
  expect((await call(path, { method: 'POST', scope: 'roster:read' })).status).toBe(403)
  const response = await call(path, { method: 'POST' })
  expect([response.status, await response.json()]).toMatchObject([202, { id, state: 'running' }])
  expect(response.headers.get('location')).toBe(`/sync/${TENANT}/reconciles/${id}`)
  expect(await isReconcileStopAsked(api.db, id)).toBe(true)
  await endRosterReconcile(api.db, id, { code: 'stopped' })
  const shown = (await (await call(`/sync/${TENANT}/reconciles/${id}`)).json()) as Json
  expect(shown).toMatchObject({ state: 'stopped' })
  expect(shown['error']).toBeUndefined()
  const second = await call(path, { method: 'POST' })
  expect([second.status, await second.json()]).toMatchObject([409, { code: 'not_running' }])
  const { rows } = await api.db.query(
    `select from audit_entries
     where action = 'roster.reconcile-stop-requested' and cause ->> 'reconcileId' = $1`,
    [id],
  )
  expect(rows).toHaveLength(1)
})

test('a run under way is named in a 409, and so is another comparison', async () => {
  const start = await call(`/sync/${TENANT}/start`, { method: 'POST', json: {} })
  const { syncId } = (await start.json()) as { syncId: string }
  const busy = await post()
  expect([busy.status, await busy.json()]).toMatchObject([409, { code: 'sync_running', syncId }])
  await setRunState(api.db, syncId, { state: 'succeeded' })
  const { id } = (await (await post()).json()) as { id: string }
  const second = await post()
  expect([second.status, await second.json()]).toMatchObject([
    409,
    { code: 'reconcile_running', reconcileId: id },
  ])
})

test('a start amid a repair is told to come back', async () => {
  const { id } = (await (await post({ repair: true })).json()) as { id: string }
  await api.db.query('update roster_reconciles set is_writing = true where id = $1', [id])
  const start = await call(`/sync/${TENANT}/start`, { method: 'POST', json: {} })
  expect([start.status, await start.json()]).toMatchObject([
    409,
    { code: 'reconcile_writing', reconcileId: id },
  ])
  expect(start.headers.get('retry-after')).toBe('2')
})

test('a repair does not begin within a pause, a comparison does', async () => {
  await api.db.query('truncate roster_providers cascade')
  const pauses = [{ from: '2000-01-01T00:00', to: '2999-01-01T00:00' }]
  await addProvider(call, TENANT, { pauses })
  const refused = await post({ repair: true })
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'paused' }])
  expect((await post()).status).toBe(202)
})

test('reading is not enough to compare', async () => {
  expect((await post({}, 'roster:read')).status).toBe(403)
})

test('of several providers one is to be named', async () => {
  const other = await addProvider(call, TENANT)
  expect((await post()).status).toBe(422)
  expect(((await (await post({ providerId: other })).json()) as Json)['providerId']).toBe(other)
})
