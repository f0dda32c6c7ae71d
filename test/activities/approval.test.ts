import { MockActivityEnvironment } from '@temporalio/testing'
import type { ApprovalActivities, SignalVote } from '../../activities/approval.ts'
import { listHistory } from '../../db/approval/history.ts'
import {
  addPeople,
  createTestApprovalActivities,
  openTestApproval,
  putPolicy,
  TEST_HASH,
  TestEffect,
} from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let activities: ApprovalActivities

beforeAll(async () => {
  database = await createTestDatabase()
  await addPeople(database.db, { approvers: ['ann', 'bob'] })
  await putPolicy(database.db)
  activities = createTestApprovalActivities(database.db, new TestEffect())
})
afterAll(async () => await database.close())

async function judge(signal: SignalVote): Promise<string | undefined> {
  const judged = await new MockActivityEnvironment().run(activities.judgeSignal, signal)
  return (judged as { refusal?: string }).refusal
}

// A task of the run that fails lets its local activities run once more.
test.each([
  ['cannot be read', 'nonsense', 'malformed'],
  ['is refused', { actor: 'otto', subjectHash: TEST_HASH }, 'not_an_approver'],
  ['is taken', { actor: 'ann', subjectHash: TEST_HASH }, undefined],
])('a signal that %s is noted once, however often it is judged', async (_, payload, refusal) => {
  const { approvalId } = await openTestApproval(database.db)
  const signal = { approvalId, voteId: 'signal-1', verdict: 'approve', payload } as const
  expect(await judge(signal)).toBe(refusal)
  expect(await judge(signal)).toBe(refusal)
  expect(await listHistory(database.db, approvalId, 100)).toHaveLength(2)
  expect(await judge({ ...signal, voteId: 'signal-2' })).toBe(refusal)
  expect(await listHistory(database.db, approvalId, 100)).toHaveLength(3)
})
