import { randomUUID } from 'node:crypto'
import {
  addPeople,
  createTestApprovalActivities,
  listEvents,
  openTestApproval,
  putPolicy,
  TEST_HASH,
  TestEffect,
  waitForState,
} from '../support/approvals.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestNamespace, type TestTemporal } from '../support/temporal.ts'

const address = process.env['TEST_TEMPORAL_ADDRESS'] ?? ''

let api: TestApi
let temporal: TestTemporal
let engine: TestEngine
let settings: Record<string, string>

beforeAll(async () => {
  const namespace = `approve-${randomUUID()}`
  const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace }
  api = await startTestApi({ env })
  temporal = await createTestNamespace({ namespace, ring: api.ring })
  engine = await startTestEngine(temporal, {
    db: api.db,
    activities: createTestApprovalActivities(api.db, new TestEffect()),
  })
  const keys = { KEY_RING: JSON.stringify(api.config.keyRing), DATA_DIR: api.config.dataDir }
  settings = { ...env, ...keys, REGISTRAR_API: api.url }
  await addPeople(api.db, { approvers: ['ann', 'bob'] })
  await putPolicy(api.db)
})
afterAll(async () => {
  await engine.close()
  await temporal.close()
  await api.close()
})

test('approve list shows what waits, and with --mine what waits for one person', async () => {
  const { approvalId } = await openTestApproval(api.db)
  const all = await run('list', '--state', 'open', '--json')
  expect(idsOf(all)).toContain(approvalId)
  expect(idsOf(await run('list', '--mine', '--as', 'ann', '--json'))).toContain(approvalId)
  expect(idsOf(await run('list', '--mine', '--as', 'dora', '--json'))).toEqual([])
  expect((await run('list')).stdout).toMatch(
    new RegExp(`${approvalId}.*open.*0 of 2, stage 1 of 1`),
  )
})

test('approve list goes on over pages up to its limit, and says when there are more', async () => {
  for (let count = 0; count < 3; count += 1) await openTestApproval(api.db)
  expect(idsOf(await run('list', '--limit', '2', '--json'))).toHaveLength(2)
  expect((await run('list', '--limit', '2')).stdout).toContain('There are more')
})

test('approve vote decides on the subject that is shown, and show tells what happened', async () => {
  const { approvalId } = await openTestApproval(api.db)
  const first = await run(
    'vote',
    approvalId,
    'approve',
    '--reason',
    'Known',
    '--as',
    'ann',
    '--json',
  )
  expect([first.code, (JSON.parse(first.stdout) as { state: string }).state]).toEqual([0, 'open'])
  expect((await run('vote', approvalId, 'approve', '--as', 'bob')).code).toBe(0)
  await waitForState(api.db, approvalId, 'applied')
  const { stdout } = await run('show', approvalId)
  expect(stdout).toMatch(/asset-report .*: applied/)
  expect(stdout).toMatch(/title +│ Laptops of May/)
  expect(stdout).toMatch(/voted +by ann +stage 1, verdict approve/)
})

test('approve vote for another subject, or by the requester, ends with 1 and says why', async () => {
  const { approvalId } = await openTestApproval(api.db)
  const stale = await run('vote', approvalId, 'approve', '--subject-hash', 'other', '--as', 'ann')
  expect([stale.code, stale.stdout]).toEqual([1, ''])
  expect(stale.stderr).toContain('its subject is not the one that you looked at')
  const own = await run('vote', approvalId, 'approve', '--as', 'requester')
  expect(own.stderr).toContain('requester, beneficiary and their delegates never decide it')
})

test('approve vote --signal votes from outside, with the same checks', async () => {
  const { approvalId } = await openTestApproval(api.db)
  await waitUntil('the run is there', async () => {
    const asOutsider = ['--signal', '--as', 'mallory', '--subject-hash', TEST_HASH]
    return (await run('vote', approvalId, 'deny', ...asOutsider)).code === 0
  })
  const { stdout } = await run('vote', approvalId, 'deny', '--signal', '--as', 'ann', '--json')
  expect(JSON.parse(stdout)).toEqual({
    id: approvalId,
    signal: 'deny',
    actor: 'ann',
    subjectHash: TEST_HASH,
  })
  await waitForState(api.db, approvalId, 'denied')
  expect(await listEvents(api.db, approvalId)).toEqual([
    'opened',
    'vote-refused',
    'voted',
    'denied',
  ])
  await waitUntil('the run has ended', async () => {
    const { code, stderr } = await run('vote', approvalId, 'deny', '--signal', '--as', 'bob')
    return code === 1 && stderr.includes('no run of it takes votes; it is closed')
  })
})

test('approve delegate, explain and withdraw do what their calls do', async () => {
  const { approvalId } = await openTestApproval(api.db)
  const until = '2999-01-01T00:00:00Z'
  const tooLong = await run('delegate', approvalId, '--to', 'dora', '--until', until, '--as', 'ann')
  expect([tooLong.code, tooLong.stdout]).toEqual([1, ''])
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  expect(
    (await run('delegate', approvalId, '--to', 'dora', '--until', soon, '--as', 'ann')).code,
  ).toBe(0)
  expect(
    (await run('vote', approvalId, 'approve', '--as', 'dora', '--acting-for', 'ann')).code,
  ).toBe(0)
  const { stdout } = await run('explain', approvalId)
  expect(stdout).toContain('has 1 of 2 approvals')
  expect(stdout).toContain('May vote: ann, bob')
  expect(stdout).toContain('Voted: dora for ann, approve')
  expect(stdout).toContain('It expires: that is a denial')
  expect((await run('withdraw', approvalId, '--as', 'ann')).code).toBe(1)
  expect((await run('withdraw', approvalId, '--as', 'requester')).stdout).toMatch(/: withdrawn/)
})

test.each([
  ['a state that there is not', ['list', '--state', 'closed']],
  ['a verdict that is none', ['vote', 'id', 'maybe']],
  ['a signal from nobody', ['vote', 'id', 'approve', '--signal']],
  ['a signal for somebody else', ['vote', 'id', 'approve', '--signal', '--acting-for', 'ann']],
  ['no end of a delegation', ['delegate', 'id', '--to', 'ann']],
  ['an end that is no time', ['delegate', 'id', '--to', 'ann', '--until', 'soon']],
])('approve ends with 2 on %s', async (_, args) => {
  const { code, stdout } = await run(...args)
  expect([code, stdout]).toEqual([2, ''])
})

test('approve --as beside a token ends with 1: the token says who you are', async () => {
  const { code, stderr } = await run('list', '--as', 'ann', '--token', await api.token())
  expect(code).toBe(1)
  expect(stderr).toContain('the token that is given says who you are')
})

function idsOf({ stdout }: CommandRun): string[] {
  return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)
}

async function run(...args: string[]): Promise<CommandRun> {
  return await runCommand(['approve', ...args], settings)
}
