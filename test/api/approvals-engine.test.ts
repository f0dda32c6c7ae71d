import { randomUUID } from 'node:crypto'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { findApproval } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'
import { ApprovalApi } from '../support/approval-api.ts'
import {
  addPeople,
  createTestApprovalActivities,
  listEvents,
  moveTimer,
  openTestApproval,
  putPolicy,
  TestEffect,
  waitForState,
} from '../support/approvals.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { fetchHistory } from '../support/history.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { createTestNamespace, type TestTemporal } from '../support/temporal.ts'

const voters = Array.from({ length: 50 }, (_, index) => `voter-${index}`)
const admin = { subject: 'admin', scope: 'approval:admin' }
const effect = new TestEffect()

let api: TestApi
let people: ApprovalApi
let proxy: TcpProxy
let temporal: TestTemporal
let engine: TestEngine

// The product's own queue, in a namespace of the test's own.
beforeAll(async () => {
  const namespace = `approvals-${randomUUID()}`
  const [host = '', port = ''] = (process.env['TEST_TEMPORAL_ADDRESS'] ?? '').split(':')
  proxy = await TcpProxy.start({ host, port: Number(port) })
  api = await startTestApi({
    env: { TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}`, TEMPORAL_NAMESPACE: namespace },
  })
  people = new ApprovalApi(api)
  temporal = await createTestNamespace({ namespace, ring: api.ring })
  engine = await startTestEngine(temporal, {
    db: api.db,
    activities: createTestApprovalActivities(api.db, effect),
  })
  await addPeople(api.db, { approvers: ['ann', 'bob', 'cy'], crowd: voters })
})
beforeEach(async () => {
  effect.reset()
  await putPolicy(api.db)
})
afterAll(async () => {
  await engine.close()
  await temporal.close()
  await api.close()
  await proxy.close()
})

async function open(policy: Readonly<Record<string, unknown>> = {}): Promise<string> {
  await putPolicy(api.db, policy)
  const { approvalId } = await openTestApproval(api.db)
  await waitUntil('the run is there', async () => {
    return await temporal.client
      .call(
        async (client) =>
          await client.workflow.getHandle(approvalWorkflowId(approvalId)).describe(),
      )
      .then(
        () => true,
        () => false,
      )
  })
  return approvalId
}

async function findOrFail(approvalId: string): Promise<StoredApproval> {
  const stored = await findApproval(api.db, approvalId)
  if (!stored) throw new Error(`Cannot find approval "${approvalId}"`)
  return stored
}

test('a vote is an update of the run whose id is the Idempotency-Key', async () => {
  const id = await open()
  const key = `key-${randomUUID()}`
  expect((await people.as('ann').vote(id, {}, key)).status).toBe(200)
  const history = await fetchHistory(temporal, approvalWorkflowId(id))
  expect(history).toContain(`"updateId": "${key}"`)
  expect((await people.as('ann').vote(id, { subjectHash: 'other' })).body.code).toBe(
    'subject_changed',
  )
  expect((await people.as('bob').vote(id)).status).toBe(200)
  await waitForState(api.db, id, 'applied')
  expect(await listEvents(api.db, id)).toEqual([
    'opened',
    'voted',
    'vote-refused',
    'voted',
    'approved',
    'applied',
  ])
})

test('fifty votes at once all count, and the effect comes about once', async () => {
  const id = await open({
    stages: [{ name: 'all', approvers: { group: 'crowd' }, quorum: '100%' }],
  })
  const answers = await Promise.all(voters.map(async (voter) => await people.as(voter).vote(id)))
  expect(answers.map(({ status }) => status)).toEqual(voters.map(() => 200))
  const { approval } = await waitForState(api.db, id, 'applied')
  expect(approval.tallies).toEqual([{ approve: 50, deny: 0, needed: 50 }])
  expect(effect.applied).toEqual([id])
})

test('votes count while Temporal is away, and the run goes on once it is back', async () => {
  const id = await open()
  proxy.cut()
  expect((await people.as('ann').vote(id)).status).toBe(200)
  const { body } = await people.as('bob').vote(id)
  expect(body.state).toBe('approved')
  proxy.restore()
  await waitForState(api.db, id, 'applied')
  expect(effect.applied).toEqual([id])
})

test('a vote and the end in the same moment have one outcome, which the answer tells', async () => {
  const stages = [{ name: 'one', approvers: { group: 'approvers' }, quorum: 1 }]
  const moments = Array.from({ length: 8 }, (_, index) => index * 15 - 60)
  const outcomes = await Promise.all(
    moments.map(async (ms) => {
      const approvalId = await open({ stages })
      await moveTimer(api.db, temporal, { approvalId, kind: 'expiry', seconds: 2 })
      const { approval } = await findOrFail(approvalId)
      await new Promise((go) => setTimeout(go, approval.expiresAt.getTime() + ms - Date.now()))
      const { status } = await people.as('ann').vote(approvalId)
      const { approval: ended } = await waitForState(api.db, approvalId, 'applied', 'expired')
      return { status, state: ended.state, events: await listEvents(api.db, approvalId) }
    }),
  )
  for (const { status, state, events } of outcomes) {
    expect([status, state]).toEqual(status === 200 ? [200, 'applied'] : [409, 'expired'])
    expect(events.filter((event) => ['approved', 'expired'].includes(event))).toHaveLength(1)
  }
})

test('an effect that failed is retried, and what it applied is revoked, by the API', async () => {
  const id = await open()
  effect.hash = 'changed'
  await people.as('ann').vote(id)
  await people.as('bob').vote(id)
  const { failureCode } = await waitForState(api.db, id, 'apply-failed')
  expect(failureCode).toBe('subject_changed')
  effect.reset()
  expect((await people.as(admin).send('POST', `/v1/approvals/${id}/retry`)).status).toBe(200)
  await waitForState(api.db, id, 'applied')
  expect((await people.as(admin).act(id, 'revoke', { reason: 'Wrong' })).body.state).toBe('revoked')
  await waitUntil(
    'the domain is told',
    async () => await Promise.resolve(effect.settled.some(({ state }) => state === 'revoked')),
  )
})
