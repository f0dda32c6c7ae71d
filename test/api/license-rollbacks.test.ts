import { randomUUID } from 'node:crypto'
import { createLicenseRollbackActivities } from '../../activities/license-rollback.ts'
import { loadHashKey } from '../../db/data-keys.ts'
import { taskQueues } from '../../workflows/messages.ts'
import { addPeople } from '../support/approvals.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { insertLicense } from '../support/licenses.ts'
import { waitUntil } from '../support/polling.ts'
import {
  createTestNamespace,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

type Body = {
  readonly rollbackId: string
  readonly state: string
  readonly code: string
  readonly approvalId: string
  readonly counts: object
  readonly items: readonly Record<string, unknown>[]
  readonly next: string | null
}
type Answer = { readonly status: number; readonly headers: Headers; readonly body: Body }

const clerk = 'aslp/oh.write'

let api: TestApi
let temporal: TestTemporal
let worker: TestWorker
let settings: Record<string, string>

beforeAll(async () => {
  const namespace = `rollbacks-${randomUUID()}`
  const env = {
    TEMPORAL_ADDRESS: process.env['TEST_TEMPORAL_ADDRESS'] ?? '',
    TEMPORAL_NAMESPACE: namespace,
  }
  api = await startTestApi({ env })
  temporal = await createTestNamespace({ namespace, ring: api.ring })
  const hashKey = await loadHashKey(api.db, api.ring)
  worker = await createTestWorker(temporal, {
    taskQueue: taskQueues.registrar,
    activities: createLicenseRollbackActivities({ db: api.db, hashKey }),
  })
  await addPeople(api.db, { rollback_approvers: ['rita'] })
  settings = { REGISTRAR_API: api.url, KEY_RING: JSON.stringify(api.config.keyRing) }
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await api.close()
})

/** An upload that has created so many licenses. */
async function insertUpload(created: number, state = 'completed'): Promise<string> {
  const id = randomUUID()
  await api.db.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id, sequence,
       started_at, finished_at)
     values ($1, 'license', 'aslp', 'oh', $2::text, 'clerk', 'test', 1, now(),
       case when $2::text = 'completed' then now() end)`,
    [id, state],
  )
  for (let count = 0; count < created; count += 1) {
    const providerId = await insertLicense(api.db)
    await api.db.query('update licenses set upload_id = $1 where provider_id = $2', [
      id,
      providerId,
    ])
  }
  return id
}

async function send(
  method: string,
  path: string,
  {
    scope = clerk,
    subject = 'clerk',
    json,
  }: { scope?: string; subject?: string; json?: object } = {},
): Promise<Answer> {
  const token = await api.token(scope, { subject })
  const headers = { authorization: `Bearer ${token}` }
  const response = await api.call(path, { method, headers, json })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Body,
  }
}

async function waitForPlan(path: string): Promise<Body> {
  let found: Body | undefined
  await waitUntil('the rollback is planned', async () => {
    found = (await send('GET', path)).body
    return found.state !== 'planning'
  })
  if (!found) throw new Error('Cannot find the rollback')
  return found
}

test('a dry run is answered at once, and its plan is read page by page', async () => {
  const uploadId = await insertUpload(3)
  const path = `/v1/uploads/${uploadId}/rollback`
  const { status, headers, body } = await send('POST', path, { json: { dryRun: true } })
  expect([status, body.state]).toEqual([202, 'planning'])
  const location = headers.get('location') ?? ''
  expect(location).toBe(`/v1/license-rollbacks/${body.rollbackId}`)
  expect(await waitForPlan(location)).toMatchObject({
    state: 'planned',
    dryRun: true,
    target: { kind: 'upload', id: uploadId },
    counts: { restored: 0, removed: 3, recreated: 0, kept: 0 },
    approvalId: null,
  })
  const first = await send('GET', `${location}/licenses?limit=2&action=remove`)
  const query = `limit=2&action=remove&cursor=${encodeURIComponent(first.body.next ?? '')}`
  const second = await send('GET', `${location}/licenses?${query}`)
  expect([first.body.items.length, second.body.items.length, second.body.next]).toEqual([
    2,
    1,
    null,
  ])
  expect(Object.keys(first.body.items[0] ?? {})).toEqual([
    'providerId',
    'licenseType',
    'action',
    'reason',
    'outcome',
  ])
})

test('a rollback opens an approval with the hash of its plan, which approvers may look at', async () => {
  const uploadId = await insertUpload(1)
  const { headers, body } = await send('POST', `/v1/uploads/${uploadId}/rollback`, {
    json: { reason: 'Wrong export' },
  })
  const location = headers.get('location') ?? ''
  const { approvalId, ...planned } = await waitForPlan(location)
  const approval = await send('GET', `/v1/approvals/${approvalId}`, { scope: '', subject: 'rita' })
  expect(approval.body).toMatchObject({
    type: 'license-rollback',
    state: 'open',
    requester: 'clerk',
    subject: { id: body.rollbackId, hash: (planned as { planHash?: string }).planHash },
    summary: { jurisdiction: 'oh', upload: uploadId, removed: 1, reason: 'Wrong export' },
  })
  for (const path of [location, `${location}/licenses`]) {
    expect((await send('GET', path, { scope: '', subject: 'rita' })).status).toBe(200)
    expect((await send('GET', path, { scope: '', subject: 'otto' })).status).toBe(404)
    const elsewhere = { scope: 'aslp/ky.write', subject: 'clerk-ky' }
    expect((await send('GET', path, elsewhere)).status).toBe(404)
  }
  const list = await send('GET', `/v1/uploads/${uploadId}/rollbacks`)
  expect(list.body.items.map(({ rollbackId }) => rollbackId)).toEqual([body.rollbackId])
})

test.each([
  ['another jurisdiction', 'aslp/ky.write'],
  ['the coarse scope', 'aslp/write'],
  ['an approver', 'approval:vote approval:read approval:admin'],
])('a rollback cannot be asked for with the scope of %s', async (_, scope) => {
  const uploadId = await insertUpload(0)
  expect((await send('POST', `/v1/uploads/${uploadId}/rollback`, { scope })).status).toBe(404)
})

test('what is open, was not applied, or is being rolled back is refused', async () => {
  const running = await insertUpload(0, 'ingesting')
  const open = await send('POST', `/v1/uploads/${running}/rollback`)
  expect([open.status, open.body.code]).toEqual([409, 'upload_open'])
  const uploadId = await insertUpload(1)
  const first = await send('POST', `/v1/uploads/${uploadId}/rollback`)
  const again = await send('POST', `/v1/uploads/${uploadId}/rollback`)
  expect([again.status, again.body.code]).toEqual([409, 'rollback_open'])
  const undo = await send('POST', `/v1/license-rollbacks/${first.body.rollbackId}/rollback`)
  expect([undo.status, undo.body.code]).toEqual([409, 'rollback_not_applied'])
  const unknown = await send('POST', `/v1/license-rollbacks/${randomUUID()}/rollback`)
  expect(unknown.status).toBe(404)
})

test('upload rollback plans from the command line, and says who has to approve', async () => {
  const uploadId = await insertUpload(2)
  const dry = await run('rollback', uploadId, '--dry-run', '--json')
  expect([dry.code, JSON.parse(dry.stdout)]).toEqual([
    0,
    expect.objectContaining({ state: 'planned', counts: expect.objectContaining({ removed: 2 }) }),
  ])
  const { code, stdout } = await run('rollback', uploadId, '--reason', 'Wrong', '--as', 'clerk')
  expect(code).toBe(0)
  expect(stdout).toMatch(/awaiting-approval .* 0 .* 2 .* 0 .* 0/)
  expect(stdout).toMatch(/registrar approve show [0-9a-f-]{36}/)
  const idle = await run('rollback', await insertUpload(0))
  expect([idle.code, idle.stdout]).toEqual([1, expect.stringContaining('nothing_to_roll_back')])
  expect((await run('rollback', randomUUID(), '--undo')).code).toBe(1)
  expect((await run('some.csv', '--compact', 'aslp')).code).toBe(2)
})

async function run(...args: string[]): Promise<CommandRun> {
  return await runCommand(['upload', ...args], settings)
}
