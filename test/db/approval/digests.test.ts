import { withTransaction } from '../../../db/client.ts'
import { gatherDigests, listDigests, type DigestItem } from '../../../db/approval/digests.ts'
import { supersedeApproval } from '../../../db/approval/open.ts'
import { wakeOverdueApprovals } from '../../../db/approval/overdue.ts'
import { addPeople, openTestApproval, putPolicy, TEST_TYPE } from '../../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await addPeople(database.db, { approvers: ['ann', 'bob'], others: ['cy'] })
  await putPolicy(database.db)
})
beforeEach(async () => {
  await database.db.query('delete from approval_digests')
  await database.db.query('delete from approval_notices')
  await database.db.query('delete from events')
})
afterAll(async () => await database.close())

test('gatherDigests() tells each approver once of all that has become their turn', async () => {
  const one = await openTestApproval(database.db)
  const other = await openTestApproval(database.db)
  expect(await gatherDigests(database.db, 100)).toBe(2)
  expect(await gatherDigests(database.db, 100)).toBe(0)
  const ids = [one.approvalId, other.approvalId].toSorted()
  for (const person of ['ann', 'bob']) {
    const items = await itemsOf(person)
    expect(items.map(({ approvalId }) => approvalId).toSorted()).toEqual(ids)
    expect(items[0]).toMatchObject({ type: TEST_TYPE, reasons: ['opened'] })
    expect(items[0]?.openedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  }
  expect(await itemsOf('cy')).toEqual([])
})

test('gatherDigests() leaves one event for webhooks with each digest', async () => {
  const { approvalId } = await openTestApproval(database.db)
  await gatherDigests(database.db, 100)
  const { rows } = await database.db.query<{ data: { login: string; items: DigestItem[] } }>(
    `select data from events where type = 'approval.digest' order by data ->> 'login'`,
  )
  expect(rows.map(({ data }) => [data.login, data.items.map((item) => item.approvalId)])).toEqual([
    ['ann', [approvalId]],
    ['bob', [approvalId]],
  ])
})

test('gatherDigests() tells nobody of their own request, nor of what is decided by now', async () => {
  await openTestApproval(database.db, { requester: 'Ann' })
  const gone = { type: 'report', id: 'gone', hash: 'aa' }
  await openTestApproval(database.db, { subject: gone })
  const change = { type: TEST_TYPE, subject: gone, requestId: 'test' }
  await withTransaction(database.db, async (tx) => await supersedeApproval(tx, change))
  expect(await gatherDigests(database.db, 100)).toBe(2)
  expect(await itemsOf('ann')).toEqual([])
  expect(await itemsOf('bob')).toHaveLength(1)
})

test('gatherDigests() at the same time tells everything once', async () => {
  for (let count = 0; count < 20; count += 1) await openTestApproval(database.db)
  const counts = await Promise.all(
    [1, 2, 3, 4].map(async () => await gatherDigests(database.db, 7)),
  )
  const rest = await gatherDigests(database.db, 100)
  expect(counts.reduce((sum, count) => sum + count, rest)).toBe(20)
  const told = (await itemsOf('ann')).map(({ approvalId }) => approvalId)
  expect([told.length, new Set(told).size]).toEqual([20, 20])
})

test('wakeOverdueApprovals() wakes what should have done something, and not again at once', async () => {
  const { approvalId } = await openTestApproval(database.db)
  const options = { patienceSeconds: 300, limit: 10 }
  expect(await wakeOverdueApprovals(database.db, options)).toBe(0)
  await database.db.query(
    `update approvals set wake_at = now() - interval '6 minutes' where id = $1`,
    [approvalId],
  )
  expect(await wakeOverdueApprovals(database.db, options)).toBe(1)
  expect(await wakeOverdueApprovals(database.db, options)).toBe(0)
})

async function itemsOf(person: string): Promise<DigestItem[]> {
  const digests = await listDigests(database.db, { person, after: undefined, limit: 100 })
  return digests.flatMap(({ items }) => items)
}
