import { randomUUID } from 'node:crypto'
import { ApprovalApi } from '../support/approval-api.ts'
import {
  addPeople,
  joinGroup,
  leaveGroup,
  openTestApproval,
  putPolicy,
  TEST_HASH,
  TEST_TYPE,
} from '../support/approvals.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const HOUR_MS = 3_600_000

let api: TestApi
let people: ApprovalApi

// Without an engine: votes are judged by the API itself, under the same rules.
beforeAll(async () => {
  api = await startTestApi()
  people = new ApprovalApi(api)
  await addPeople(api.db, {
    approvers: ['ann', 'bob', 'Cy', 'requester'],
    bosses: ['flo'],
    others: ['otto'],
  })
})
beforeEach(async () => {
  await putPolicy(api.db)
})
afterAll(async () => {
  await api.close()
})

async function open(change: Parameters<typeof openTestApproval>[1] = {}): Promise<string> {
  return (await openTestApproval(api.db, change)).approvalId
}

test('an approval is told with its stages, its summary and its deadlines', async () => {
  const subject = { type: 'report', id: 'r-1', hash: TEST_HASH }
  const id = await open({ subject, beneficiary: 'gainer' })
  const { status, body } = await people.as('ann').get(`/v1/approvals/${id}`)
  expect(status).toBe(200)
  expect(body).toEqual({
    id,
    type: TEST_TYPE,
    subject,
    state: 'open',
    stage: 1,
    stages: [{ name: 'review', quorum: 2, denyThreshold: 1, approve: 0, deny: 0, needed: 2 }],
    requester: 'requester',
    beneficiary: 'gainer',
    summary: { title: 'Laptops of May' },
    openedAt: expect.any(String) as string,
    expiresAt: expect.any(String) as string,
    policyVersion: expect.any(Number) as number,
    workflowId: `approval:${id}`,
    votes: [],
    history: [{ at: body.openedAt, event: 'opened', actor: 'requester' }],
  })
  expect(Date.parse(body.expiresAt) - Date.parse(body.openedAt)).toBe(HOUR_MS)
})

test.each([
  ['the requester', { subject: 'Requester', scope: '' }, 200],
  ['the beneficiary', { subject: 'gainer', scope: '' }, 200],
  ['an approver', { subject: 'cy', scope: '' }, 200],
  ['a reader of all', { subject: 'auditor', scope: 'approval:read' }, 200],
  ['a member of another group', { subject: 'otto', scope: 'approval:vote' }, 404],
  ['a machine client', { subject: 'client', scope: 'approval:vote approval:admin' }, 404],
])('%s reads it or finds nothing', async (_, as, expected) => {
  const id = await open({ beneficiary: 'gainer' })
  for (const path of [`/v1/approvals/${id}`, `/v1/approvals/${id}/explain`]) {
    expect((await people.as(as).get(path)).status).toBe(expected)
  }
})

test('a vote answers with the approval as it then stands, and twice with the same', async () => {
  const id = await open()
  const key = randomUUID()
  const first = await people.as('ann').vote(id, {}, key)
  expect(first.status).toBe(200)
  expect(first.body).toMatchObject({
    state: 'open',
    stages: [{ approve: 1, deny: 0 }],
    votes: [
      {
        id: key,
        actor: 'ann',
        stage: 1,
        verdict: 'approve',
        reason: 'Looks right',
        subjectHash: TEST_HASH,
      },
    ],
    history: [{ event: 'opened' }, { event: 'voted', actor: 'ann' }],
  })
  const second = await people.as('ann').vote(id, {}, key)
  expect(second.body).toEqual(first.body)
  const last = await people.as('bob').vote(id)
  expect(last.body).toMatchObject({ state: 'approved', closedAt: expect.any(String) as string })
})

test("the id of a vote is no other vote's of the same person", async () => {
  const id = await open()
  const key = randomUUID()
  await people.as('ann').vote(id, {}, key)
  const { status, body } = await people.as('ann').vote(id, { verdict: 'deny' }, key)
  expect([status, body.code]).toEqual([422, 'idempotency_key_reused'])
})

test('people who vote with the same key have a vote each, and each the same answer again', async () => {
  const id = await open()
  const key = randomUUID()
  const refused = await people.as('otto').vote(id, {}, key)
  expect(refused.body.code).toBe('not_an_approver')
  const first = await people.as('ann').vote(id, {}, key)
  expect(first.body).toMatchObject({ state: 'open', stages: [{ approve: 1 }] })
  const second = await people.as('bob').vote(id, {}, key)
  expect(second.body).toMatchObject({ state: 'approved', stages: [{ approve: 2 }] })
  expect(second.body.votes.map(({ actor }) => actor)).toEqual(['ann', 'bob'])
  expect(new Set(second.body.votes.map((vote) => vote.id)).size).toBe(2)
  expect((await people.as('bob').vote(id, {}, key)).body).toEqual(second.body)
  await api.db.query('delete from idempotency_keys')
  expect((await people.as('bob').vote(id, {}, key)).body).toEqual(second.body)
})

test.each([
  ['requester', {}, 403, 'four_eyes'],
  ['REQUESTER', {}, 403, 'four_eyes'],
  ['gainer', {}, 403, 'four_eyes'],
  ['otto', {}, 403, 'not_an_approver'],
  ['client', {}, 403, 'not_an_approver'],
  ['ann', { actingFor: 'bob' }, 403, 'not_an_approver'],
  ['ann', { subjectHash: 'other' }, 409, 'subject_changed'],
] as const)('a vote of %s with %j is refused: %d %s', async (actor, change, ...[status, code]) => {
  const id = await open({ beneficiary: 'gainer' })
  const key = randomUUID()
  for (let round = 0; round < 2; round += 1) {
    const answer = await people.as(actor).vote(id, change, key)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  }
  const { body } = await people
    .as({ subject: 'x', scope: 'approval:read' })
    .get(`/v1/approvals/${id}`)
  expect(body).toMatchObject({ votes: [], stages: [{ approve: 0, deny: 0 }] })
  expect(body.history.slice(1)).toMatchObject([
    { event: 'vote-refused', actor, detail: { code, verdict: 'approve' } },
  ])
  const { rows } = await api.db.query(
    `select actor, cause->>'code' as code from audit_entries
     where action = 'vote.refused' and subject_id = $1`,
    [id],
  )
  expect(rows).toEqual([{ actor, code }])
})

test('a vote on a closed approval says how it ended', async () => {
  const id = await open()
  expect((await people.as('cy').vote(id, { verdict: 'deny' })).body.state).toBe('denied')
  const { status, body } = await people.as('ann').vote(id)
  expect([status, body.code, body.state]).toEqual([409, 'approval_closed', 'denied'])
})

test('a reason is demanded where the policy does', async () => {
  await putPolicy(api.db, { justification: 'required' })
  const id = await open()
  for (const reason of [undefined, '', ' \u00a0']) {
    const { status, body } = await people.as('ann').vote(id, { reason })
    expect([status, body.code]).toEqual([422, 'reason_required'])
  }
  expect((await people.as('ann').vote(id)).status).toBe(200)
})

test.each([
  [{ verdict: 'maybe' }, '/verdict'],
  [{ subjectHash: '' }, '/subjectHash'],
  [{ reason: 'x'.repeat(2_001) }, '/reason'],
  [{ stage: 2 }, '/stage'],
])('a vote of %j is a 422', async (change, pointer) => {
  const { status, body } = await people.as('ann').vote(await open(), change)
  expect([status, body.errors?.[0]?.pointer]).toEqual([422, pointer])
})

test('a vote needs its scope and an approval', async () => {
  const id = await open()
  const without = await people.as({ subject: 'ann', scope: 'approval:read' }).vote(id)
  expect([without.status, without.body.code]).toEqual([403, 'insufficient_scope'])
  expect((await people.as('ann').vote(randomUUID())).status).toBe(404)
  expect((await people.as('ann').vote('nonsense')).status).toBe(404)
})

test('somebody removed from the group a moment before is refused', async () => {
  await joinGroup(api.db, 'approvers', 'leaver')
  const id = await open()
  expect((await people.as('leaver').vote(id)).status).toBe(200)
  await leaveGroup(api.db, 'approvers', 'leaver')
  expect((await people.as('leaver').vote(id)).body.code).toBe('not_an_approver')
  const { body } = await people.as('ann').vote(id)
  expect(body).toMatchObject({ state: 'open', stages: [{ approve: 1 }] })
})

test('a disabled person neither votes nor sees what their groups decide', async () => {
  await joinGroup(api.db, 'approvers', 'gone')
  await api.db.query(`update users set status = 'disabled' where login = 'gone'`)
  const id = await open()
  expect((await people.as('gone').vote(id)).body.code).toBe('not_an_approver')
  expect((await people.as('gone').get(`/v1/approvals/${id}`)).status).toBe(404)
})

test('a question stops votes until it is answered', async () => {
  const id = await open()
  await people.as('ann').vote(id)
  expect((await people.as('otto').act(id, 'request-info', { question: 'Why?' })).status).toBe(403)
  const asked = await people.as('bob').act(id, 'request-info', { question: 'Why?' })
  expect(asked.body).toMatchObject({ state: 'info-requested', stages: [{ approve: 1 }] })
  const refused = await people.as('bob').vote(id)
  expect([refused.status, refused.body.code]).toEqual([409, 'info_requested'])
  const early = await people.as('bob').act(id, 'provide-info', { answer: 'Because' })
  expect([early.status, early.body.code]).toEqual([403, 'not_a_party'])
  const answered = await people.as('requester').act(id, 'provide-info', { answer: 'Because' })
  expect(answered.body.state).toBe('open')
  expect(answered.body.history.map(({ event, detail }) => [event, detail])).toEqual(
    expect.arrayContaining([
      ['info-requested', { question: 'Why?' }],
      ['info-provided', { answer: 'Because' }],
    ]),
  )
  expect((await people.as('requester').act(id, 'provide-info', { answer: 'Again' })).status).toBe(
    409,
  )
  expect((await people.as('bob').vote(id)).body.state).toBe('approved')
})

test('a delegate votes for the delegator until the time is over', async () => {
  const id = await open()
  const until = new Date(Date.now() + HOUR_MS).toISOString()
  const delegated = await people.as('ann').act(id, 'delegate', { to: 'Dan', until })
  expect(delegated.status).toBe(200)
  expect((await people.as({ subject: 'dan', scope: '' }).get(`/v1/approvals/${id}`)).status).toBe(
    200,
  )
  expect((await people.as('dan').vote(id)).body.code).toBe('not_an_approver')
  const onward = await people.as('dan').act(id, 'delegate', { to: 'eve', until })
  expect([onward.status, onward.body.code]).toEqual([403, 'not_an_approver'])
  const voted = await people.as('dan').vote(id, { actingFor: 'ANN' })
  expect(voted.body.votes).toMatchObject([{ actor: 'dan', actingFor: 'ANN' }])
  // One mandate.
  expect((await people.as('ann').vote(id)).body).toMatchObject({
    state: 'open',
    stages: [{ approve: 1 }],
  })
  expect((await people.as('bob').vote(id)).body.state).toBe('approved')
})

test.each([
  ['requester', { to: 'dan' }, 403, 'four_eyes'],
  ['ann', { to: 'requester' }, 403, 'four_eyes'],
  ['otto', { to: 'dan' }, 403, 'not_an_approver'],
  ['ann', { to: 'Ann' }, 422, 'invalid_body'],
  ['ann', { to: 'approve' }, 422, 'invalid_body'],
  ['ann', { until: '2020-01-01T00:00:00Z' }, 422, 'invalid_body'],
  ['ann', { until: '2999-01-01T00:00:00Z' }, 422, 'invalid_body'],
  ['ann', { until: 'tomorrow' }, 422, 'invalid_body'],
] as const)('%s cannot delegate with %j: %d %s', async (actor, change, ...[status, code]) => {
  const until = new Date(Date.now() + HOUR_MS).toISOString()
  const body = { to: 'dan', until, ...change }
  const answer = await people.as(actor).act(await open(), 'delegate', body)
  expect([answer.status, answer.body.code]).toEqual([status, code])
})

test('the requester withdraws what is pending, nobody else does', async () => {
  const id = await open()
  expect((await people.as('ann').act(id, 'withdraw')).body.code).toBe('not_a_party')
  expect((await people.as('otto').act(id, 'withdraw')).status).toBe(404)
  const withdrawn = await people.as('requester').act(id, 'withdraw', { reason: 'A mistake' })
  expect(withdrawn.body.state).toBe('withdrawn')
  const again = await people.as('requester').act(id, 'withdraw')
  expect([again.status, again.body.state]).toEqual([409, 'withdrawn'])
})

test('a withdrawal needs no body', async () => {
  const path = `/v1/approvals/${await open()}/withdraw`
  expect((await people.as('requester').send('POST', path)).status).toBe(200)
})

test('only what is applied is revoked, and only what failed is retried', async () => {
  const admin = { subject: 'admin', scope: 'approval:admin' }
  const id = await open()
  expect((await people.as('ann').act(id, 'revoke', { reason: 'Wrong' })).status).toBe(403)
  const early = await people.as(admin).act(id, 'revoke', { reason: 'Wrong' })
  expect([early.status, early.body.code, early.body.state]).toEqual([409, 'not_applied', 'open'])
  await api.db.query(`update approvals set state = 'applied' where id = $1`, [id])
  expect((await people.as(admin).act(id, 'revoke', {})).status).toBe(422)
  expect((await people.as(admin).act(id, 'revoke', { reason: 'Wrong' })).body.state).toBe('revoked')
  const retried = await people.as(admin).send('POST', `/v1/approvals/${id}/retry`)
  expect([retried.status, retried.body.code]).toEqual([409, 'not_failed'])
})

test('what a request finds expired is expired, before any timer says so', async () => {
  await putPolicy(api.db, { expiresAfter: 'PT0.001S' })
  const id = await open()
  const { status, body } = await people.as('ann').vote(id)
  expect([status, body.code, body.state]).toEqual([409, 'approval_closed', 'expired'])
  const { body: seen } = await people.as('ann').get(`/v1/approvals/${id}`)
  expect(seen.history.map(({ event }) => event)).toEqual(['opened', 'expired', 'vote-refused'])
})

test('a scope of the policy lets its holder of the tenant vote, without approval:vote', async () => {
  const stages = [{ name: 'plan', approvers: { scope: 'roster:approve' }, quorum: 1 }]
  await putPolicy(api.db, { stages })
  const id = await open({ tenant: 'north' })
  const holder = { subject: 'rita', scope: 'roster:approve' }
  expect((await people.as({ ...holder, tenant: 'south' }).vote(id)).status).toBe(404)
  expect((await people.as({ subject: 'ann', tenant: 'north' }).vote(id)).body.code).toBe(
    'not_an_approver',
  )
  const inbox = await people
    .as({ ...holder, tenant: 'north' })
    .get<{ items: { id: string }[] }>('/v1/approvals?mine=true')
  expect(inbox.body.items.map((item) => item.id)).toEqual([id])
  expect((await people.as({ ...holder, tenant: 'north' }).vote(id)).body.state).toBe('approved')
})

test('explain says who may vote, who has, what is missing, and what happens when', async () => {
  await putPolicy(api.db, {
    stages: [
      {
        name: 'review',
        approvers: { group: 'approvers' },
        quorum: '60%',
        escalation: { after: 'PT30M', group: 'bosses' },
      },
    ],
    reminders: ['PT10M'],
  })
  const id = await open()
  await people.as('ann').vote(id)
  const { body } = await people
    .as('ann')
    .get<Record<string, unknown>>(`/v1/approvals/${id}/explain`)
  expect(body).toMatchObject({
    id,
    state: 'open',
    stage: 1,
    why: [
      expect.stringMatching(/^Stage 1 of 1 \("review"\) has 1 of \d approvals$/),
      'Members of "approvers" decide, save requester and beneficiary',
    ],
    mayVote: { groups: ['approvers'], isFallback: false, delegates: [] },
    voted: [{ actor: 'ann', verdict: 'approve', counts: true }],
    missing: { reachable: true },
    timers: [
      { kind: 'reminder', effect: 'Its approvers are reminded' },
      { kind: 'escalation', effect: 'Members of "bosses" may decide too' },
      { kind: 'expiry', effect: 'It expires: that is a denial' },
    ],
    atExpiry: { state: 'expired' },
  })
  expect((body['mayVote'] as { people: string[] }).people).toEqual(
    expect.arrayContaining(['ann', 'bob', 'Cy']),
  )
  expect((body['mayVote'] as { people: string[] }).people).not.toContain('requester')
})

test('what is done and its answer are kept together: one that cannot be kept is not done', async () => {
  const id = await open()
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const delegate = async (): Promise<number> => {
    const path = `/v1/approvals/${id}/delegate`
    const init = { json: { to: 'otto', until }, headers: { 'idempotency-key': `delegate-${id}` } }
    return (await people.as('ann').send('POST', path, init)).status
  }
  await api.db.query(`
    create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no answers now'; end $$;
    create trigger no_answers before update on idempotency_keys
      for each row execute function refuse()`)
  expect(await delegate()).toBe(500)
  await api.db.query('drop function refuse cascade')
  expect(await delegate()).toBe(200)
  expect(await delegate()).toBe(200)
  const { rows } = await api.db.query<{ event: string }>(
    'select event from approval_history where approval_id = $1 order by position',
    [id],
  )
  expect(rows.map(({ event }) => event)).toEqual(['opened', 'delegated'])
})

test('explain names delegates while they may vote', async () => {
  const id = await open()
  const until = new Date(Date.now() + 3_600_000).toISOString()
  await people.as('ann').act(id, 'delegate', { to: 'otto', until })
  const explain = async (): Promise<unknown> => {
    const path = `/v1/approvals/${id}/explain`
    return (await people.as('ann').get<{ mayVote: { delegates: object[] } }>(path)).body.mayVote
      .delegates
  }
  expect(await explain()).toEqual([{ login: 'otto', actingFor: 'ann', until }])
  await api.db.query(`update approval_delegations set until = now() where approval_id = $1`, [id])
  expect(await explain()).toEqual([])
})

test('explain tells of a quorum out of reach and of a fallback', async () => {
  const stages = [{ name: 'x', approvers: { group: 'nobody' }, quorum: 2 }]
  await putPolicy(api.db, { stages, fallbackGroup: 'bosses' })
  const { body } = await people
    .as('flo')
    .get<{ why: string[]; missing: object }>(`/v1/approvals/${await open()}/explain`)
  expect(body.missing).toEqual({ approvals: 2, reachable: false })
  expect(body.why).toEqual([
    'Stage 1 of 1 ("x") has 0 of 2 approvals',
    'Members of "bosses" decide, save requester and beneficiary',
    "The fallback group decides: nobody of the stage's own can",
    'Only 1 may decide: the quorum cannot be reached unless the groups change',
  ])
})

test('a second request for the same subject and hash joins the first; another hash supersedes it', async () => {
  const subject = { type: 'report', id: randomUUID(), hash: TEST_HASH }
  const id = await open({ subject })
  await people.as('ann').vote(id)
  expect(await open({ subject })).toBe(id)
  const next = await open({ subject: { ...subject, hash: 'new' } })
  expect(next).not.toBe(id)
  const { status, body } = await people.as('bob').vote(id)
  expect([status, body.code, body.state]).toEqual([409, 'approval_closed', 'superseded'])
})

test('twenty requests at once for one subject open one approval', async () => {
  const subject = { type: 'report', id: randomUUID(), hash: TEST_HASH }
  const ids = await Promise.all(Array.from({ length: 20 }, async () => await open({ subject })))
  expect(new Set(ids).size).toBe(1)
})
