import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { listHistory } from '../../db/approval/history.ts'
import { approvalMessages, workflowTypes } from '../../workflows/messages.ts'
import {
  addPeople,
  castTestVote,
  createTestApprovalActivities,
  handOverQueued,
  listEvents,
  openTestApproval,
  putPolicy,
  TestEffect,
  waitForState,
} from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
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

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  await addPeople(database.db, { approvers: ['ann', 'bob'], bosses: ['flo'] })
  const activities = createTestApprovalActivities(database.db, new TestEffect())
  worker = await createTestWorker(temporal, { activities })
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await database.close()
})

async function open(policy: Readonly<Record<string, unknown>> = {}): Promise<string> {
  await putPolicy(database.db, policy)
  const { approvalId, queued } = await openTestApproval(database.db)
  await handOverQueued(database.db, temporal, { queued, taskQueue: worker.taskQueue })
  return approvalId
}

async function vote(approvalId: string, actor: string): Promise<void> {
  await castTestVote(database.db, temporal, { approvalId, actor })
}

/** Waits for the run to end and keeps its history for the replay test. */
async function finish(approvalId: string, branch: string): Promise<void> {
  const workflowId = approvalWorkflowId(approvalId)
  await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).result(),
    { deadlineMs: 60_000 },
  )
  await keepHistory(temporal, { workflowId, workflowType: workflowTypes.approval, branch })
}

test('the next stage escalates in its own time, though the run waits for a later one', async () => {
  const review = { name: 'review', approvers: { group: 'approvers' }, quorum: 1 }
  const board = {
    name: 'board',
    approvers: { group: 'approvers' },
    quorum: 2,
    escalation: { after: 'PT1S', group: 'bosses' },
  }
  const approvalId = await open({ stages: [review, board] })
  await vote(approvalId, 'ann')
  await waitUntil('the second stage is escalated', async () =>
    (await listEvents(database.db, approvalId)).includes('escalated'),
  )
  await vote(approvalId, 'flo')
  await vote(approvalId, 'bob')
  await finish(approvalId, 'next-stage-escalated')
  expect((await waitForState(database.db, approvalId, 'applied')).approval.tallies).toEqual([
    { approve: 1, deny: 0, needed: 1 },
    { approve: 2, deny: 0, needed: 2 },
  ])
})

test.each([
  ['an encoding that nobody knows', 'json/protobuf', '{"actor":"ann"}'],
  ['text that is no JSON', 'json/plain', '{"actor":'],
])('a signal in %s is refused, and the run goes on', async (_, encoding, data) => {
  const approvalId = await open()
  await temporal.client.call(
    async (client) =>
      await client.workflowService.signalWorkflowExecution({
        namespace: temporal.namespace,
        workflowExecution: { workflowId: approvalWorkflowId(approvalId) },
        signalName: approvalMessages.approve,
        input: {
          payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }],
        },
      }),
  )
  await waitUntil('the signal is refused', async () =>
    (await listHistory(database.db, approvalId, 100)).some(
      ({ detail }) => detail?.['code'] === 'malformed',
    ),
  )
  await vote(approvalId, 'ann')
  await vote(approvalId, 'bob')
  expect((await waitForState(database.db, approvalId, 'applied')).approval.tallies).toEqual([
    { approve: 2, deny: 0, needed: 2 },
  ])
})
