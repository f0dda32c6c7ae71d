import { randomUUID } from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { retryApproval, revokeApproval, withdrawApproval } from '../../db/approval/commands.ts'
import { listHistory } from '../../db/approval/history.ts'
import { supersedeApproval, type QueuedRun } from '../../db/approval/open.ts'
import { findApproval, listTakenVotes } from '../../db/approval/records.ts'
import { withTransaction } from '../../db/client.ts'
import { approvalMessages, workflowTypes } from '../../workflows/messages.ts'
import {
  addPeople,
  castTestVote,
  createTestApprovalActivities,
  handOverQueued,
  leaveGroup,
  joinGroup,
  listEvents,
  moveTimer,
  openTestApproval,
  putPolicy,
  TEST_HASH,
  TEST_TYPE,
  TestEffect,
  waitForState,
} from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fetchHistory, keepHistory } from '../support/history.ts'
import { waitUntil } from '../support/polling.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

let database: TestDatabase
let temporal: TestTemporal
let worker: TestWorker
const effect = new TestEffect()

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  await addPeople(database.db, {
    approvers: ['ann', 'bob', 'cy', 'requester'],
    board: ['ann', 'eve'],
    bosses: ['flo'],
  })
  worker = await startWorker()
})
beforeEach(async () => {
  effect.reset()
  await putPolicy(database.db)
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await database.close()
})

async function startWorker(taskQueue?: string): Promise<TestWorker> {
  const activities = createTestApprovalActivities(database.db, effect)
  return await createTestWorker(temporal, { activities, ...(taskQueue && { taskQueue }) })
}

type OpenOptions = {
  readonly policy?: Readonly<Record<string, unknown>>
  readonly input?: Readonly<Record<string, unknown>>
  readonly change?: Parameters<typeof openTestApproval>[1]
}

async function open({ policy, input, change }: OpenOptions = {}): Promise<string> {
  if (policy) await putPolicy(database.db, policy)
  const { approvalId, queued } = await openTestApproval(database.db, change)
  await handOver(queued, input)
  return approvalId
}

async function handOver(
  queued: readonly QueuedRun[],
  input: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await handOverQueued(database.db, temporal, { queued, taskQueue: worker.taskQueue, input })
}

async function vote(
  approvalId: string,
  actor: string,
  change: Partial<Parameters<typeof castTestVote>[2]> = {},
): Promise<string> {
  const answer = await castTestVote(database.db, temporal, { approvalId, actor, ...change })
  if (answer.refused) return answer.code
  return (answer.value as { refusal?: string }).refusal ?? 'taken'
}

async function signal(approvalId: string, name: string, payload: unknown): Promise<void> {
  await temporal.client.call(
    async (client) =>
      await client.workflow.getHandle(approvalWorkflowId(approvalId)).signal(name, payload),
  )
}

/** Waits for the run to end and keeps its history for the replay test, where it takes a branch of its own. */
async function finish(approvalId: string, branch?: string): Promise<string> {
  const workflowId = approvalWorkflowId(approvalId)
  const end = await temporal.client.call(
    async (client) =>
      await client.workflow
        .getHandle(workflowId)
        .result()
        .then((result) => (result as { state: string }).state)
        .catch(
          (error: unknown) => (error as { cause?: { type?: string } }).cause?.type ?? 'failed',
        ),
    { deadlineMs: 60_000 },
  )
  if (branch !== undefined) await keep(workflowId, branch)
  return end
}

async function keep(workflowId: string, branch: string, runId?: string): Promise<void> {
  const run = { workflowId, workflowType: workflowTypes.approval, branch }
  await keepHistory(temporal, { ...run, ...(runId !== undefined && { runId }) })
}

async function readDetails(approvalId: string): Promise<string> {
  return await temporal.client.call(async (client) => {
    const handle = client.workflow.getHandle(approvalWorkflowId(approvalId))
    const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')
    return metadata.currentDetails ?? ''
  })
}

/** The names of the local activities of a history, in order. */
function listLocalActivities(history: string): string[] {
  const data = [...history.matchAll(/"data": "([^"]*)"/g)].map(([, text = '']) =>
    Buffer.from(text, 'base64').toString(),
  )
  return data.flatMap((text) => /"activity_type":"(\w+)"/.exec(text)?.[1] ?? [])
}

test('approval() applies what two of three approve, once, and reads it back', async () => {
  const approvalId = await open()
  expect(await vote(approvalId, 'ann')).toBe('taken')
  expect(await vote(approvalId, 'bob')).toBe('taken')
  expect(await finish(approvalId, 'applied')).toBe('applied')
  expect(effect.applied).toEqual([approvalId])
  expect(await listEvents(database.db, approvalId)).toEqual([
    'opened',
    'voted',
    'voted',
    'approved',
    'applied',
  ])
  const { rows } = await database.db.query<{ action: string; actor: string }>(
    `select action, actor from audit_entries where subject_id = $1 order by seq`,
    [approvalId],
  )
  expect(rows).toEqual([
    { action: 'approval.opened', actor: 'requester' },
    { action: 'vote.cast', actor: 'ann' },
    { action: 'vote.cast', actor: 'bob' },
    { action: 'approval.decided', actor: 'bob' },
    { action: 'approval.applied', actor: 'registrar' },
  ])
})

test('a history holds no login, no reason and nothing of the subject', async () => {
  const canaries = ['canary-voter', 'canary-requester', 'canary-reason', 'canary-title']
  const [voter = '', requester = '', reason = '', title = ''] = canaries
  await joinGroup(database.db, 'approvers', voter)
  const approvalId = await open({ change: { requester, summary: { title } } })
  await vote(approvalId, voter, { reason, verdict: 'deny' })
  await finish(approvalId)
  const history = await fetchHistory(temporal, approvalWorkflowId(approvalId))
  const payloads = [...history.matchAll(/"data": "([^"]*)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString(),
  )
  expect(payloads.join()).toContain(approvalId)
  expect(canaries.filter((canary) => [history, ...payloads].join().includes(canary))).toEqual([])
})

test('approval() tells the domain of a denial', async () => {
  const approvalId = await open()
  expect(await vote(approvalId, 'cy', { verdict: 'deny' })).toBe('taken')
  expect(await finish(approvalId, 'denied')).toBe('denied')
  expect(effect.settled).toEqual([{ approvalId, state: 'denied' }])
  expect(effect.applied).toEqual([])
})

test('a vote is answered with why it is refused, and counts nothing', async () => {
  const approvalId = await open()
  expect(await vote(approvalId, 'requester')).toBe('four_eyes')
  expect(await vote(approvalId, 'eve')).toBe('not_an_approver')
  expect(await vote(approvalId, 'ann', { subjectHash: 'other' })).toBe('subject_changed')
  expect(await vote(approvalId, 'ann', { verdict: 'deny' })).toBe('taken')
  await finish(approvalId, 'refused-votes')
  const refused = (await listHistory(database.db, approvalId, 100)).filter(
    ({ event }) => event === 'vote-refused',
  )
  // The run's validator refused the other hash at once: whoever sent it writes it down.
  expect(refused.map(({ actor, detail }) => [actor, detail?.['code']])).toEqual([
    ['requester', 'four_eyes'],
    ['eve', 'not_an_approver'],
  ])
})

test('the same vote sent twice is one vote with one answer', async () => {
  const approvalId = await open()
  const voteId = randomUUID()
  const both = [vote(approvalId, 'ann', { voteId }), vote(approvalId, 'ann', { voteId })]
  expect(await Promise.all(both)).toEqual(['taken', 'taken'])
  expect(await listTakenVotes(database.db, approvalId, 10)).toHaveLength(1)
  await vote(approvalId, 'ann', { verdict: 'deny' })
  await finish(approvalId)
})

test('plain signals decide under the same checks and are answered in the details', async () => {
  const approvalId = await open()
  const hash = { subjectHash: TEST_HASH }
  await signal(approvalId, approvalMessages.approve, { actor: 'requester', ...hash })
  await waitUntil('the signal is answered', async () =>
    (await readDetails(approvalId)).includes('approve: four_eyes'),
  )
  await signal(approvalId, approvalMessages.approve, 'nonsense')
  await waitUntil('the signal is answered', async () =>
    (await readDetails(approvalId)).includes('approve: malformed'),
  )
  await signal(approvalId, approvalMessages.deny, { actor: 'ann', subjectHash: 'other' })
  await signal(approvalId, approvalMessages.approve, { actor: 'ann\u0000', ...hash })
  await signal(approvalId, approvalMessages.approve, { actor: 'ann', reason: 'By hand', ...hash })
  await waitUntil('the signal is answered', async () =>
    (await readDetails(approvalId)).includes('approve: counted'),
  )
  expect(await readDetails(approvalId)).not.toMatch(/ann|requester|By hand/)
  await vote(approvalId, 'bob')
  expect(await finish(approvalId, 'signals')).toBe('applied')
  const history = await listHistory(database.db, approvalId, 100)
  expect(
    history
      .filter(({ event }) => event === 'vote-refused')
      .map(({ actor, detail }) => [actor, detail?.['code'], detail?.['via']]),
  ).toEqual([
    ['requester', 'four_eyes', 'signal'],
    [undefined, 'malformed', 'signal'],
    ['ann', 'subject_changed', 'signal'],
    [undefined, 'malformed', 'signal'],
  ])
  expect(await listTakenVotes(database.db, approvalId, 10)).toMatchObject([
    { actor: 'ann', reason: 'By hand' },
    { actor: 'bob' },
  ])
})

test('stages follow each other, each with its own approvers', async () => {
  const stages = [
    { name: 'review', approvers: { group: 'approvers' }, quorum: 1 },
    { name: 'board', approvers: { group: 'board' }, quorum: 2 },
  ]
  const approvalId = await open({ policy: { stages } })
  await vote(approvalId, 'ann')
  expect(await readDetails(approvalId)).toContain('Stage 2 of 2')
  expect(await vote(approvalId, 'cy')).toBe('not_an_approver')
  await vote(approvalId, 'ann')
  await vote(approvalId, 'eve')
  expect(await finish(approvalId, 'two-stages')).toBe('applied')
})

test('timers remind, escalate and end, once each, in their order', async () => {
  const approvalId = await open({
    policy: {
      stages: [
        {
          name: 'review',
          approvers: { group: 'approvers' },
          quorum: 2,
          escalation: { after: 'PT2H', group: 'bosses' },
        },
      ],
      reminders: ['PT1H'],
      expiresAfter: 'PT3H',
    },
  })
  for (const [kind, event] of [
    ['reminder', 'reminded'],
    ['escalation', 'escalated'],
    ['expiry', 'expired'],
  ] as const) {
    await moveTimer(database.db, temporal, { approvalId, kind, seconds: 0.5 })
    await waitUntil(`it is ${event}`, async () =>
      (await listEvents(database.db, approvalId)).includes(event),
    )
  }
  expect(await finish(approvalId, 'expired')).toBe('expired')
  expect(await listEvents(database.db, approvalId)).toEqual([
    'opened',
    'reminded',
    'escalated',
    'expired',
  ])
  expect(effect.settled).toEqual([{ approvalId, state: 'expired' }])
  const stored = await findApproval(database.db, approvalId)
  expect(stored?.closedAt?.getTime()).toBeGreaterThanOrEqual(
    stored?.approval.expiresAt.getTime() ?? Number.NaN,
  )
})

test('timers that came due before a worker was there act once it is', async () => {
  await putPolicy(database.db, { reminders: ['PT0.1S', 'PT0.2S'], expiresAfter: 'PT1H' })
  const { approvalId, queued } = await openTestApproval(database.db)
  const taskQueue = `late-${approvalId}`
  await handOverQueued(database.db, temporal, { queued, taskQueue })
  const { openedAt } = await waitForState(database.db, approvalId, 'open')
  await waitUntil(
    'the reminders are due',
    async () => await Promise.resolve(Date.now() > openedAt.getTime() + 300),
  )
  const late = await startWorker(taskQueue)
  await waitUntil('it is reminded', async () =>
    (await listEvents(database.db, approvalId)).includes('reminded'),
  )
  await vote(approvalId, 'ann', { verdict: 'deny' })
  await finish(approvalId, 'late-worker')
  await late.close()
  expect(await listEvents(database.db, approvalId)).toEqual([
    'opened',
    'reminded',
    'voted',
    'denied',
  ])
})

test('a run begins with what its opening says, and counts its times from there', async () => {
  const { approvalId, queued } = await openTestApproval(database.db)
  const opened = queued[0]?.start.input['opened'] as { atMs: number } // as openApproval() makes it
  await handOver(queued, { opened: { ...opened, atMs: opened.atMs - 50 * 60_000 } })
  await vote(approvalId, 'ann')
  const history = await fetchHistory(temporal, approvalWorkflowId(approvalId))
  const timeouts = [...history.matchAll(/"startToFireTimeout": "([\d.]+)s"/g)].map(([, seconds]) =>
    Number(seconds),
  )
  expect(timeouts).toHaveLength(1)
  expect(timeouts[0]).toBeLessThanOrEqual(600)
  expect(listLocalActivities(history)).toEqual(['judgeVote'])
  await vote(approvalId, 'ann', { verdict: 'deny' })
  await finish(approvalId)
})

test('what changes in the database wakes the run: a withdrawal ends it', async () => {
  const approvalId = await open()
  await vote(approvalId, 'ann')
  const { queued } = await withTransaction(
    database.db,
    async (tx) =>
      await withdrawApproval(tx, {
        approvalId,
        actor: 'Requester',
        claims: { scopes: [] },
        requestId: 'withdraw',
        reason: 'A mistake',
      }),
  )
  await handOver(queued)
  expect(await finish(approvalId, 'withdrawn')).toBe('withdrawn')
  expect(effect.settled).toEqual([{ approvalId, state: 'withdrawn' }])
})

test('a changed subject supersedes the approval, and its votes are void', async () => {
  const subject = { type: 'report', id: randomUUID(), hash: TEST_HASH }
  const approvalId = await open({ change: { subject } })
  await vote(approvalId, 'ann')
  const queued = await withTransaction(
    database.db,
    async (tx) => await supersedeApproval(tx, { type: TEST_TYPE, subject, requestId: 'change' }),
  )
  await handOver(queued)
  expect(await finish(approvalId, 'superseded')).toBe('superseded')
  const next = await open({ change: { subject: { ...subject, hash: 'new' } } })
  expect(await findApproval(database.db, next)).toMatchObject({ approval: { votes: [] } })
})

test('an effect that fails for good can be retried, in another run', async () => {
  effect.beforeApply = async () => {
    await Promise.resolve()
    throw new AppError('disk_full', 'Cannot apply: the disk is full', { status: 409 })
  }
  const approvalId = await open()
  await vote(approvalId, 'ann')
  await vote(approvalId, 'bob')
  expect(await finish(approvalId, 'apply-failed')).toBe('apply_failed')
  expect(await findApproval(database.db, approvalId)).toMatchObject({
    approval: { state: 'apply-failed' },
    failureCode: 'disk_full',
  })
  effect.beforeApply = async () => await Promise.resolve()
  const retry = { approvalId, actor: 'admin', claims: { scopes: [] }, requestId: 'retry' }
  const { queued } = await withTransaction(
    database.db,
    async (tx) => await retryApproval(tx, retry),
  )
  await handOver(queued)
  expect(await finish(approvalId, 'retried')).toBe('applied')
  expect(effect.applied).toEqual([approvalId])
})

test('an effect that is not read back fails after its attempts', async () => {
  effect.isThere = false
  const approvalId = await open({ input: { applyAttempts: 2 } })
  await vote(approvalId, 'ann')
  await vote(approvalId, 'bob')
  expect(await finish(approvalId, 'effect-not-there')).toBe('apply_failed')
  expect(effect.applied).toHaveLength(2)
  expect(await findApproval(database.db, approvalId)).toMatchObject({
    failureCode: 'effect_not_there',
  })
})

test('what was approved is applied to nothing else', async () => {
  effect.hash = 'changed'
  const approvalId = await open()
  await vote(approvalId, 'ann')
  await vote(approvalId, 'bob')
  expect(await finish(approvalId)).toBe('apply_failed')
  expect(effect.applied).toEqual([])
  expect(await findApproval(database.db, approvalId)).toMatchObject({
    failureCode: 'subject_changed',
  })
})

test('what was applied can be revoked, in another run', async () => {
  const approvalId = await open()
  await vote(approvalId, 'ann')
  await vote(approvalId, 'bob')
  await finish(approvalId)
  const revocation = { approvalId, actor: 'admin', claims: { scopes: [] }, requestId: 'revoke' }
  const { queued } = await withTransaction(
    database.db,
    async (tx) => await revokeApproval(tx, { ...revocation, reason: 'Wrong' }),
  )
  await handOver(queued)
  expect(await finish(approvalId, 'revoked')).toBe('revoked')
  expect(effect.settled).toEqual([{ approvalId, state: 'revoked' }])
})

test('more votes than a run takes are judged by several, with one tally', async () => {
  const stages = [
    { name: 'review', approvers: { group: 'approvers' }, quorum: 3, denyThreshold: 2 },
  ]
  const approvalId = await open({ policy: { stages }, input: { maxVotes: 5 } })
  const first = await describeRun(approvalId)
  for (let round = 0; round < 6; round += 1) {
    const verdict = round % 2 === 0 ? 'deny' : 'approve'
    expect(await vote(approvalId, 'ann', { verdict })).toBe('taken')
    expect(await vote(approvalId, 'bob')).toBe('taken')
  }
  expect((await describeRun(approvalId)).runId).not.toBe(first.runId)
  await keep(approvalWorkflowId(approvalId), 'first-of-several-runs', first.runId)
  expect(await vote(approvalId, 'cy')).toBe('taken')
  expect(await finish(approvalId, 'last-of-several-runs')).toBe('applied')
  expect(await findApproval(database.db, approvalId)).toMatchObject({
    approval: { tallies: [{ approve: 3, deny: 0, needed: 3 }] },
  })
  expect(await listTakenVotes(database.db, approvalId, 100)).toHaveLength(13)
})

async function describeRun(approvalId: string): Promise<{ readonly runId: string }> {
  return await temporal.client.call(
    async (client) => await client.workflow.getHandle(approvalWorkflowId(approvalId)).describe(),
  )
}

test('somebody removed a moment before is refused, and their vote counts no more', async () => {
  const approvalId = await open()
  await joinGroup(database.db, 'approvers', 'leaver')
  await vote(approvalId, 'leaver')
  await leaveGroup(database.db, 'approvers', 'leaver')
  expect(await vote(approvalId, 'leaver')).toBe('not_an_approver')
  await vote(approvalId, 'ann')
  expect(await findApproval(database.db, approvalId)).toMatchObject({
    approval: { state: 'open', tallies: [{ approve: 1, needed: 2 }] },
  })
  await vote(approvalId, 'bob')
  expect(await finish(approvalId)).toBe('applied')
})
