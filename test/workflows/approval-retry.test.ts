import type { ApprovalActivities } from '../../activities/approval.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { retryApproval } from '../../db/approval/commands.ts'
import { withTransaction } from '../../db/client.ts'
import { approvalMessages } from '../../workflows/messages.ts'
import {
  addPeople,
  castTestVote,
  createTestApprovalActivities,
  handOverQueued,
  openTestApproval,
  putPolicy,
  TestEffect,
  waitForState,
} from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

const effect = new TestEffect()

let database: TestDatabase
let temporal: TestTemporal
let worker: TestWorker
let isRetried = false

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  await addPeople(database.db, { approvers: ['ann', 'bob'] })
  await putPolicy(database.db)
  const activities = createTestApprovalActivities(database.db, effect)
  const lookAtApproval: ApprovalActivities['lookAtApproval'] = async (input) => {
    const snapshot = await activities.lookAtApproval(input)
    if (snapshot.state === 'apply-failed' && !isRetried) await retry(input.approvalId)
    return snapshot
  }
  worker = await createTestWorker(temporal, { activities: { ...activities, lookAtApproval } })
})
afterAll(async () => {
  await worker.close()
  await temporal.close()
  await database.close()
})

async function retry(approvalId: string): Promise<void> {
  isRetried = true
  effect.reset()
  const doer = { approvalId, actor: 'admin', claims: { scopes: [] }, requestId: 'retry' }
  await withTransaction(database.db, async (tx) => await retryApproval(tx, doer))
  await temporal.client.call(
    async (client) =>
      await client.workflow
        .getHandle(approvalWorkflowId(approvalId))
        .signal(approvalMessages.changed, {}),
  )
}

// The look that finds the failure is the last thing that its run does.
test('a retry that comes while the run of the failed effect ends is not undone', async () => {
  effect.hash = 'changed'
  const { approvalId, queued } = await openTestApproval(database.db)
  await handOverQueued(database.db, temporal, { queued, taskQueue: worker.taskQueue })
  await castTestVote(database.db, temporal, { approvalId, actor: 'ann' })
  await castTestVote(database.db, temporal, { approvalId, actor: 'bob' })
  const { failureCode } = await waitForState(database.db, approvalId, 'applied')
  expect(failureCode).toBeUndefined()
  expect(isRetried).toBe(true)
  expect(effect.applied).toEqual([approvalId])
})
