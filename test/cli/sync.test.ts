import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rosterPlanApprovalType, rosterRunSubjectType } from '../../core/roster/workflow.ts'
import { openApproval } from '../../db/approval/open.ts'
import { withTransaction } from '../../db/client.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createProviderBody, setRunState } from '../support/rosters.ts'
import { waitUntil } from '../support/polling.ts'

const LINE = '{"op":"deactivate","type":"users","id":"u-1"}\n'
const HASH = createHash('sha256').update(LINE).digest('hex')

type Json = Record<string, unknown>

let api: TestApi
let directory: string
let settings: Record<string, string>

beforeAll(async () => {
  api = await startTestApi()
  directory = await mkdtemp(join(tmpdir(), 'registrar-sync-'))
  settings = {
    KEY_RING: JSON.stringify(api.config.keyRing),
    DATA_DIR: api.config.dataDir,
    REGISTRAR_API: api.url,
  }
})
beforeEach(async () => {
  await api.db.query('truncate roster_providers, approvals cascade')
})
afterAll(async () => {
  await api.close()
  await rm(directory, { recursive: true })
})

async function run(...args: string[]): Promise<CommandRun> {
  return await runCommand([...args, '--tenant', 'valley', '--json'], settings)
}

async function read(...args: string[]): Promise<Json> {
  const { code, stdout, stderr } = await run(...args)
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Json
}

async function add(change: object = {}): Promise<string> {
  const file = join(directory, 'provider.json')
  await writeFile(file, JSON.stringify(createProviderBody(change)))
  return String((await read('provider', 'add', file))['id'])
}

async function start(): Promise<string> {
  return String((await read('sync', 'start', '--no-follow'))['syncId'])
}

test('where no key ring could sign a token, one is asked for and no key ring is made', async () => {
  const elsewhere = { REGISTRAR_API: api.url, DATA_DIR: join(directory, 'none') }
  const asked = await runCommand(['sync', 'status', '--tenant', 'valley'], elsewhere)
  expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('REGISTRAR_TOKEN')])
  await expect(readFile(join(elsewhere.DATA_DIR, 'key-ring.json'))).rejects.toThrow('ENOENT')
})

test('providers are added, listed, shown, updated, paused, resumed and removed', async () => {
  const id = await add()
  expect(await read('provider', 'list')).toMatchObject([{ id, kind: 'clever' }])
  const shown = await read('provider', 'show', id)
  expect(shown).toMatchObject({ id, auth: { token: '********' } })
  const file = join(directory, 'changed.json')
  await writeFile(file, JSON.stringify({ ...shown, name: 'Valley' }))
  expect(await read('provider', 'update', id, file)).toMatchObject({ name: 'Valley' })
  expect(await read('provider', 'pause', id)).toMatchObject({ paused: true })
  expect(await read('provider', 'resume', id)).toMatchObject({ paused: false })
  expect(await read('provider', 'remove', id)).toEqual({ id, removed: true })
  expect(await read('provider', 'list')).toEqual([])
})

test('a provider whose ends do not answer ends the test with 1', async () => {
  const id = await add({ baseUrl: 'https://sis.invalid/v3.1' })
  const { code, stdout } = await run('provider', 'test', id)
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { source: { ok: false } }])
})

test.each([
  ['succeeded', 0],
  ['partial', 3],
  ['held', 3],
  ['failed', 1],
] as const)('a run that is followed until it is %s ends with %d', async (state, expected) => {
  await add()
  const following = run('sync', 'start', '--full', '--grades', '9', '10')
  let syncId = ''
  await waitUntil('the run is there', async () => {
    const { rows } = await api.db.query<{ id: string }>('select id from roster_runs')
    syncId = rows[0]?.id ?? ''
    return syncId !== ''
  })
  await setRunState(api.db, syncId, { state: 'pulling' })
  await setRunState(api.db, syncId, { state })
  const { code, stdout } = await following
  expect([code, JSON.parse(stdout)]).toMatchObject([
    expected,
    { syncId, state, mode: 'full', select: { grades: ['9', '10'] } },
  ])
})

test.each([
  ['differs', { differs: 2 }, 3],
  ['was repaired', { differs: 2, repaired: 2 }, 0],
  ['does not answer', { error_code: 'target_unreachable' }, 1],
] as const)(
  'a target that %s is followed to the end of its comparison',
  async (_, end, expected) => {
    await add()
    const following = run('sync', 'reconcile', '--repair')
    await waitUntil('the report is ended', async () => {
      const set = Object.entries(end).map(([column, value]) => `${column} = '${value}'`)
      const state = 'error_code' in end ? 'failed' : 'succeeded'
      const { rowCount } = await api.db.query(
        `update roster_reconciles set state = '${state}', ended_at = now(), ${set.join(', ')}`,
      )
      return rowCount === 1
    })
    const { code, stdout } = await following
    expect([code, JSON.parse(stdout)]).toMatchObject([expected, { repair: true }])
  },
)

test('a comparison that is under way is stopped', async () => {
  await add()
  const none = await run('sync', 'reconcile', '--stop')
  expect([none.code, none.stderr]).toEqual([
    1,
    expect.stringContaining('no comparison is under way'),
  ])
  const token = await api.token('roster:sync', { tenant: 'valley' })
  await api.call('/sync/valley/reconcile', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  const stopping = run('sync', 'reconcile', '--stop')
  await waitUntil('the stop is noted, and heeded', async () => {
    const { rowCount } = await api.db.query(
      `update roster_reconciles set state = 'stopped', ended_at = now()
       where stop_requested_at is not null`,
    )
    return rowCount === 1
  })
  const { code, stdout } = await stopping
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { state: 'stopped' }])
})

test('runs are shown, and one that is under way is stopped', async () => {
  await add()
  const syncId = await start()
  expect(await read('sync', 'status')).toMatchObject([{ syncId, state: 'queued' }])
  const stopping = run('sync', 'stop')
  await waitUntil('the stop is noted', async () => {
    const { rows } = await api.db.query(
      'select from roster_runs where stop_requested_at is not null',
    )
    return rows.length === 1
  })
  await setRunState(api.db, syncId, { state: 'stopped' })
  expect(JSON.parse((await stopping).stdout)).toMatchObject({ syncId, state: 'stopped' })
  expect(await read('sync', 'history')).toMatchObject([{ syncId, state: 'stopped' }])
  const { code, stderr } = await run('sync', 'stop')
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('no run of the provider is under way'),
  ])
})

test('a plan is shown, its changes are written to a file, and voted on', async () => {
  await add()
  const syncId = await start()
  await api.db.query(
    `insert into roster_changes (run_id, change, op, type, id)
     values ($1::uuid, 1, 'deactivate', 'users', 'u-1')`,
    [syncId],
  )
  const subject = { type: rosterRunSubjectType, id: syncId, hash: HASH }
  const { approvalId } = await withTransaction(
    api.db,
    async (tx) =>
      await openApproval(tx, {
        type: rosterPlanApprovalType,
        subject,
        summary: {},
        requester: 'cli',
        tenant: 'valley',
        requestId: 'test',
      }),
  )
  await setRunState(api.db, syncId, { state: 'held', planHash: HASH, approvalId })
  const file = join(directory, 'changes.ndjson')
  expect(await read('sync', 'plan', syncId, '--changes', file)).toMatchObject({ hash: HASH })
  expect(await readFile(file, 'utf8')).toBe(LINE)
  const own = await run('sync', 'approve', syncId)
  expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('requester')])
  await read('sync', 'discard', syncId, '--as', 'ann', '--reason', 'Not all of them have left')
  const { rows } = await api.db.query('select state from approvals where id = $1', [approvalId])
  expect(rows).toEqual([{ state: 'denied' }])
})

test('without a tenant the command ends with 2', async () => {
  const { code, stdout } = await runCommand(['sync', 'status'], settings)
  expect([code, stdout]).toEqual([2, ''])
})
