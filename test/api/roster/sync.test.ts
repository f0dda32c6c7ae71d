import { createHash, randomUUID } from 'node:crypto'
import { rosterPlanApprovalType, rosterRunSubjectType } from '../../../core/roster/workflow.ts'
import { openApproval } from '../../../db/approval/open.ts'
import { withTransaction } from '../../../db/client.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import {
  addProvider,
  createTenantCaller,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const tenant = 'spring-valley'
const sync = `/sync/${tenant}`

let api: TestApi
let call: TenantCaller

beforeAll(async () => {
  api = await startTestApi()
  call = createTenantCaller(api, tenant)
})
beforeEach(async () => {
  await api.db.query('truncate roster_providers, workflow_starts, approvals, audit_entries cascade')
})
afterAll(async () => {
  await api.close()
})

type Json = Record<string, unknown>
type Page = { readonly items: Json[]; readonly next: string | null }

async function read<T = Json>(path: string): Promise<T> {
  return (await (await call(path)).json()) as T
}

async function start(json: Json = {}): Promise<string> {
  const response = await call(`${sync}/start`, { method: 'POST', json })
  if (response.status !== 202) throw new Error(await response.text())
  return ((await response.json()) as { syncId: string }).syncId
}

async function post(path: string, json: Json, options = {}): Promise<[number, Json]> {
  const response = await call(path, { method: 'POST', json, ...options })
  return [response.status, (await response.json()) as Json]
}

/** Brings a run to where its plan waits for a decision. */
async function hold(
  syncId: string,
  requester?: string,
): Promise<{ hash: string; approvalId: string }> {
  const line = '{"op":"deactivate","type":"users","id":"u-1"}\n'
  const hash = createHash('sha256').update(line).digest('hex')
  await api.db.query(
    `insert into roster_changes (run_id, change, op, type, id)
     values ($1::uuid, 1, 'deactivate', 'users', 'u-1')`,
    [syncId],
  )
  const { approvalId } = await withTransaction(
    api.db,
    async (tx) =>
      await openApproval(tx, {
        type: rosterPlanApprovalType,
        subject: { type: rosterRunSubjectType, id: syncId, hash },
        summary: {},
        requester,
        tenant,
        requestId: 'test',
      }),
  )
  await setRunState(api.db, syncId, {
    state: 'held',
    planHash: hash,
    approvalId,
    guard: [{ rule: 'deactivations', type: 'users', count: 400, limit: 120, tripped: true }],
  })
  return { hash, approvalId }
}

test('a run is accepted, queued, and in the history from then on', async () => {
  const providerId = await addProvider(call, tenant)
  const response = await call(`${sync}/start`, {
    method: 'POST',
    json: { providerId, mode: 'full', select: { grades: ['9'] }, adds_only: true },
  })
  const { syncId } = (await response.json()) as { syncId: string }
  expect([response.status, response.headers.get('location')]).toEqual([
    202,
    `${sync}/history/${syncId}`,
  ])
  const zeros = { fetched: 0, created: 0, updated: 0, deactivated: 0, unchanged: 0, failed: 0 }
  const run = await read(`${sync}/history/${syncId}`)
  expect(run).toMatchObject({
    syncId,
    providerId,
    mode: 'full',
    trigger: 'manual',
    state: 'queued',
    addsOnly: true,
    select: { grades: ['9'] },
    endedAt: null,
    counts: { users: zeros, schools: zeros, sections: zeros },
    guard: [],
  })
  expect(await read<Page>(`${sync}/history`)).toMatchObject({ items: [{ syncId }], next: null })
  expect(await read(`${sync}/status`)).toMatchObject({ runs: [{ syncId, state: 'queued' }] })
  const { rows } = await api.db.query(
    'select workflow_id, workflow_type, input from workflow_starts',
  )
  expect(rows).toEqual([
    {
      workflow_id: `roster-run:${syncId}`,
      workflow_type: 'rosterSync',
      input: { providerId, runId: syncId, from: 'pulling' },
    },
  ])
})

test.each(['queued', 'pulling', 'planning', 'applying'] as const)(
  'beside a run that is %s none is started, and the answer names it',
  async (state) => {
    await addProvider(call, tenant)
    const syncId = await start()
    await setRunState(api.db, syncId, { state })
    expect(await post(`${sync}/start`, {})).toMatchObject([409, { code: 'sync_running', syncId }])
  },
)

test('a tenant with several providers says which, and one without any is told what to do', async () => {
  expect(await post(`${sync}/start`, {})).toMatchObject([
    404,
    { code: 'not_found', detail: expect.stringContaining('registrar provider add') },
  ])
  await addProvider(call, tenant)
  await addProvider(call, tenant)
  expect(await post(`${sync}/start`, {})).toMatchObject([
    422,
    { errors: [{ pointer: '/providerId' }] },
  ])
  expect(await post(`${sync}/start`, { providerId: randomUUID() })).toMatchObject([
    404,
    { code: 'not_found', detail: expect.stringContaining('registrar provider list') },
  ])
})

test('within a pause a run starts only by force', async () => {
  const pauses = [{ from: '2020-01-01T00:00', to: '2099-01-01T00:00' }]
  await addProvider(call, tenant, { pauses })
  expect(await post(`${sync}/start`, {})).toMatchObject([
    409,
    { code: 'paused', until: '2099-01-01T00:00:00.000Z' },
  ])
  expect((await post(`${sync}/start`, { force: true }))[0]).toBe(202)
})

test('a new start discards what is held, but for a dry run', async () => {
  await addProvider(call, tenant)
  const held = await start()
  const { approvalId } = await hold(held)
  const dry = await start({ dryRun: true })
  expect(await read(`${sync}/history/${held}`)).toMatchObject({ state: 'held' })
  await setRunState(api.db, dry, { state: 'succeeded' })
  await start()
  expect(await read(`${sync}/history/${held}`)).toMatchObject({ state: 'discarded' })
  const { rows } = await api.db.query('select state from approvals where id = $1', [approvalId])
  expect(rows).toEqual([{ state: 'superseded' }])
})

test('settings that change what a held plan stands on discard it at once; others leave it', async () => {
  const providerId = await addProvider(call, tenant)
  const held = await start()
  const { hash, approvalId } = await hold(held)
  const path = `/tenants/${tenant}/providers/${providerId}`
  const change = async (members: object): Promise<number> => {
    const json = { ...(await read(path)), ...members }
    return (await call(path, { method: 'PUT', json })).status
  }
  expect(await change({ schedule: { everySeconds: 900 } })).toBe(200)
  expect(await read(`${sync}/history/${held}`)).toMatchObject({ state: 'held' })
  expect(await change({ filters: { roles: ['student'] } })).toBe(200)
  expect(await read(`${sync}/history/${held}`)).toMatchObject({ state: 'discarded' })
  const { rows } = await api.db.query('select state from approvals where id = $1', [approvalId])
  expect(rows).toEqual([{ state: 'superseded' }])
  const vote = { method: 'POST', json: { hash, reason: 'Too late' }, subject: 'amy' }
  expect((await call(`${sync}/plans/${held}/approve`, vote)).status).toBe(409)
})

test('a stop is noted for the run under way; one that is held is not under way', async () => {
  const providerId = await addProvider(call, tenant)
  const syncId = await start()
  expect(await post(`${sync}/stop`, { providerId })).toEqual([202, { syncId }])
  expect(await read(`${sync}/history/${syncId}`)).toMatchObject({ stopRequested: true })
  await setRunState(api.db, syncId, { state: 'stopped' })
  expect(await post(`${sync}/stop`, {})).toMatchObject([409, { code: 'not_running' }])
  await hold(await start())
  expect((await post(`${sync}/stop`, {}))[0]).toBe(409)
})

test('history pages stay what they are while runs are added', async () => {
  await addProvider(call, tenant)
  const ids: string[] = []
  const add = async (): Promise<string> => {
    const id = await start()
    await setRunState(api.db, id, { state: 'succeeded' })
    return id
  }
  for (let count = 0; count < 5; count += 1) ids.unshift(await add())
  const first = await call(`${sync}/history?limit=2`)
  const link = /^<(.*)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
  await add()
  const second = await read<Page>(link)
  const third = await read<Page>(`${sync}/history?limit=2&cursor=${second.next}`)
  const items = [...((await first.json()) as Page).items, ...second.items, ...third.items]
  expect(items.map((item) => item['syncId'])).toEqual(ids)
  expect(third.next).toBeNull()
})

test('errors are listed page by page, and as CSV that no spreadsheet runs', async () => {
  await addProvider(call, tenant)
  const syncId = await start()
  await api.db.query(
    `insert into roster_errors (run_id, entity, id, code, message, attempts)
     values ($1, 'users', '=1+1', 'no_user_name', 'Nobody is named', 2),
       ($1, 'sections', 'a|b', 'group_refused', 'Said, "no"', 1)`,
    [syncId],
  )
  const path = `${sync}/history/${syncId}/errors`
  const first = await read<Page>(`${path}?limit=1`)
  const second = await read<Page>(`${path}?limit=1&cursor=${first.next}`)
  expect([...first.items, ...second.items]).toEqual([
    { entity: 'sections', id: 'a|b', code: 'group_refused', message: 'Said, "no"', attempts: 1 },
    { entity: 'users', id: '=1+1', code: 'no_user_name', message: 'Nobody is named', attempts: 2 },
  ])
  const csv = await call(path, { headers: { accept: 'text/csv' } })
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(await csv.text()).toBe(
    'entity,id,code,message,attempts\r\n' +
      'sections,a|b,group_refused,"Said, ""no""",1\r\n' +
      "users,'=1+1,no_user_name,Nobody is named,2\r\n",
  )
})

test('a plan shows its hash, which is that of the change set as it is sent', async () => {
  await addProvider(call, tenant)
  const syncId = await start()
  const path = `${sync}/plans/${syncId}`
  expect(await read(path)).toEqual({ syncId, state: 'queued', hash: null, guard: [] })
  const { hash, approvalId } = await hold(syncId)
  expect(await read(path)).toMatchObject({ syncId, state: 'held', hash, approvalId })
  const changes = await call(`${path}/changes`)
  expect(changes.headers.get('content-type')).toBe('application/x-ndjson')
  const sent = Buffer.from(await changes.arrayBuffer())
  expect(createHash('sha256').update(sent).digest('hex')).toBe(hash)
})

test('approve and discard are votes: on the hash that was looked at, by whoever did not start it', async () => {
  await addProvider(call, tenant)
  const syncId = await start()
  const path = `${sync}/plans/${syncId}`
  expect(await post(`${path}/approve`, { hash: 'x' })).toMatchObject([409, { code: 'not_held' }])
  const { hash, approvalId } = await hold(syncId, 'operator')
  const other = { subject: 'second-operator' }
  expect((await post(`${path}/approve`, { hash }))[0]).toBe(403)
  expect((await post(`${path}/approve`, { hash }, { ...other, scope: 'roster:read' }))[0]).toBe(403)
  expect((await post(`${path}/approve`, { hash: 'other' }, other))[0]).toBe(409)
  expect(await post(`${path}/approve`, { hash, reason: 'Closed' }, other)).toMatchObject([
    200,
    { syncId, hash, approvalId },
  ])
  expect((await post(`${path}/discard`, { hash }, other))[0]).toBe(409)
  const { rows } = await api.db.query('select state from approvals where id = $1', [approvalId])
  expect(rows).toEqual([{ state: 'approved' }])
  const audit = await read<Page>(`/tenants/${tenant}/audit`)
  expect(audit.items.map((entry) => entry['action'])).toContain('approval.decided')
})

test('events stream runs as they change', async () => {
  await addProvider(call, tenant)
  const syncId = await start()
  const stopped = new AbortController()
  const token = await api.token('roster:read', { tenant })
  const response = await fetch(`${api.url}${sync}/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stopped.signal,
  })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const states: unknown[] = []
  let text = ''
  for await (const part of response.body ?? []) {
    text += Buffer.from(part as Uint8Array).toString()
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data === undefined) continue
      states.push((JSON.parse(data) as Json)['state'])
      await setRunState(api.db, syncId, { state: states.length === 1 ? 'pulling' : 'succeeded' })
    }
    if (states.includes('succeeded')) break
  }
  stopped.abort()
  expect(states).toEqual(['queued', 'pulling', 'succeeded'])
})

test('the audit log of a tenant is exported as JSON lines and CSV, its own entries only', async () => {
  await addProvider(call, tenant)
  await addProvider(createTenantCaller(api, 'other'), 'other')
  const path = `/tenants/${tenant}/audit`
  const { items } = await read<Page>(path)
  const actions = ['secret.set', 'secret.set', 'roster-provider.created']
  expect(items.map(({ action }) => action)).toEqual(actions)
  expect(items.map(({ cause }) => (cause as Json)['tenant'])).toEqual(actions.map(() => tenant))
  const lines = await (await call(path, { headers: { accept: 'application/x-ndjson' } })).text()
  const exported = lines.trimEnd().split('\n')
  expect(exported.map((line) => JSON.parse(line) as Json)).toEqual(
    items.map((item) => ({ kind: 'entry', ...item })),
  )
  const csv = await (await call(path, { headers: { accept: 'text/csv' } })).text()
  expect(csv.split('\r\n')).toHaveLength(actions.length + 2)
  const after = await read<Page>(`${path}?after=${String(items[1]?.['seq'])}`)
  expect(after.items).toEqual([items[2]])
})
