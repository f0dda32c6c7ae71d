import { findLogin } from '../../db/user/logins.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { listEvents, waitForState } from '../support/approvals.ts'
import type { Answer, Problem } from '../support/approval-api.ts'
import {
  GOOD_PASSWORD,
  startLoginStack,
  type LoginApi,
  type LoginStack,
} from '../support/logins.ts'
import { waitUntil } from '../support/polling.ts'

let stack: LoginStack
let logins: LoginApi

beforeAll(async () => {
  stack = await startLoginStack()
  logins = stack.logins
})
afterAll(async () => {
  await stack.close()
})

async function count(query: string, ...values: unknown[]): Promise<number> {
  const { rows } = await stack.api.db.query<{ count: number }>(query, values)
  return rows[0]?.count ?? Number.NaN
}

test('who registers can log in once somebody else has approved, and not before', async () => {
  await logins.addPerson('grace')
  const { status, headers, body } = await logins.register('Grace', { email: 'GRACE@Example.org' })
  expect([status, body]).toEqual([202, { approvalId: body.approvalId, state: 'pending' }])
  expect(headers.get('location')).toBe(`/v1/approvals/${body.approvalId}`)
  expect((await logins.authenticate('grace')).body).toBe(false)

  const before = new Date()
  const decided = await logins.decide('approve', 'GRACE')
  expect([decided.status, decided.body]).toEqual([
    200,
    { login: 'grace', state: 'approved', approved_by: 'ada', approved_at: expect.any(String) },
  ])
  expect(Date.parse(decided.body.approved_at ?? '')).toBeGreaterThanOrEqual(
    before.getTime() - 1_000,
  )
  expect((await logins.authenticate('GRACE')).body).toBe(true)
  await waitForState(stack.api.db, body.approvalId, 'applied')
  expect(await listEvents(stack.api.db, body.approvalId)).toEqual([
    'opened',
    'voted',
    'approved',
    'applied',
  ])
  expect(await logins.decide('approve', 'grace')).toMatchObject({ status: 200, body: decided.body })
})

test('the approval tells its registrant, the address and no more', async () => {
  await logins.addPerson('told')
  const { body } = await logins.register('told')
  const seen = await logins.people.as('ada').get(`/v1/approvals/${body.approvalId}`)
  expect(seen.body).toMatchObject({
    type: 'login-registration',
    subject: { type: 'login', id: 'told', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    requester: 'told',
    beneficiary: 'told',
    summary: { login: 'told', email: 'told@example.org', name: 'told' },
  })
  expect(Object.keys(seen.body.summary).toSorted()).toEqual([
    'email',
    'login',
    'name',
    'requestedAt',
  ])
})

test('twenty at once are one login and one workflow', async () => {
  await logins.addPerson('twenty')
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await logins.register('twenty')),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 202)).toHaveLength(1)
  expect(statuses.filter((status) => status === 409)).toHaveLength(19)
  expect(
    await count(
      `select count(*) from logins l join users u on u.id = l.user_id where login = 'twenty'`,
    ),
  ).toBe(1)
  expect(await count(`select count(*) from approvals where subject_id = 'twenty'`)).toBe(1)
  const { approvalId = '' } = answers.find(({ status }) => status === 202)?.body ?? {}
  await waitUntil('the run is there', async () => {
    return await stack.temporal.client
      .call(
        async (client) =>
          await client.workflow.getHandle(approvalWorkflowId(approvalId)).describe(),
      )
      .then(
        () => true,
        () => false,
      )
  })
})

test('unknown, of another address, disabled and registered are one answer', async () => {
  await logins.addPerson('one')
  await logins.addPerson('off')
  await logins.postUser('off', { status: 'disabled' })
  await logins.addPerson('has')
  await logins.register('has')
  const refused = await Promise.all([
    logins.register('nobody'),
    logins.register('one', { email: 'other@example.org' }),
    logins.register('off'),
    logins.register('has'),
    logins.register('has', { password: 'another good one' }),
  ])
  const bodies = refused.map(({ body }) => ({ ...body, requestId: '' }))
  expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1)
  expect(bodies[0]).toMatchObject({ status: 409, code: 'registration_refused' })
})

test.each([
  ['a short password', { password: 'a8 Zq.x' }, '/password'],
  ['a long password', { password: 'q7'.repeat(2_048) }, '/password'],
  ['a common password', { password: 'Password1' }, '/password'],
  ['half a character', { password: 'abcdefgh\ud83d' }, '/password'],
  ['a reserved login', { login: 'authn' }, '/login'],
  ['an approver', { approved_by: 'ada' }, '/approved_by'],
  ['a state', { state: 'approved' }, '/state'],
  ['groups', { groups: ['login_approvers'] }, '/groups'],
])('%s is refused with a pointer, whoever it is', async (_, change, pointer) => {
  await logins.addPerson('ruled')
  for (const login of ['ruled', 'unknown']) {
    const { status, body } = await logins.register(login, change)
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([422, [pointer]])
    expect(JSON.stringify(body)).not.toContain('Zq.x')
  }
})

test('nobody approves their own registration, and the attempt is on record', async () => {
  await logins.people.as({ subject: 'clerk', scope: 'group:write' }).send('PUT', '/v1/groups/x')
  const { body } = await logins.register('bea')
  const own = await logins.decide('approve', 'bea', { subject: 'bea' })
  expect([own.status, own.body.code]).toEqual([403, 'four_eyes'])
  expect(await listEvents(stack.api.db, body.approvalId)).toEqual(['opened', 'vote-refused'])
  expect((await logins.authenticate('bea')).body).toBe(false)
  expect((await logins.decide('approve', 'bea')).body.state).toBe('approved')
})

test.each([
  ['not_the_caller', 'ada', { authz_login: 'bea' }],
  ['not_an_approver', 'stranger', {}],
])('a decision is refused as %s, and audited', async (code, subject, json) => {
  const login = `refused-${code}`
  await logins.addPerson(login)
  const { body } = await logins.register(login)
  for (const action of ['approve', 'reject', 'revoke'] as const) {
    const refused = await logins.decide(action, login, { subject, json })
    expect([refused.status, refused.body.code]).toEqual([403, code])
  }
  const { rows } = await stack.api.db.query<{ actor: string; cause: { code: string } }>(
    `select actor, cause from audit_entries
     where action = 'vote.refused' and subject_id = $1::text`,
    [body.approvalId],
  )
  expect(rows.map(({ actor, cause }) => [actor, cause.code])).toEqual(
    Array.from({ length: 3 }, () => [subject, code]),
  )
  expect((await findLogin(stack.api.db, login))?.registration).toBe('open')
})

test('nothing is decided about who never registered, and nobody', async () => {
  await logins.addPerson('quiet')
  expect((await logins.decide('approve', 'quiet')).status).toBe(409)
  expect((await logins.decide('approve', 'nobody-at-all')).status).toBe(404)
  expect((await logins.decide('approve', 'nobody-at-all', { subject: 'stranger' })).status).toBe(
    403,
  )
})

test('who was rejected may register again, with another password', async () => {
  await logins.addPerson('again')
  const first = await logins.register('again')
  const rejected = await logins.decide('reject', 'again')
  expect([rejected.status, rejected.body]).toEqual([
    200,
    { login: 'again', state: 'rejected', approved_by: null, approved_at: null },
  ])
  expect(await logins.decide('reject', 'again')).toMatchObject({ status: 200, body: rejected.body })
  expect(await listEvents(stack.api.db, first.body.approvalId)).toEqual([
    'opened',
    'voted',
    'denied',
  ])
  expect((await logins.decide('approve', 'again')).status).toBe(409)
  const second = await logins.register('again', { password: 'ten geese on a hill' })
  expect(second.status).toBe(202)
  expect(second.body.approvalId).not.toBe(first.body.approvalId)
  await logins.decide('approve', 'again', { subject: 'bea' })
  expect((await logins.authenticate('again')).body).toBe(false)
  expect((await logins.authenticate('again', 'ten geese on a hill')).body).toBe(true)
})

test('who took the registration back may register again', async () => {
  await logins.addPerson('withdrawn')
  const { body } = await logins.register('withdrawn')
  await logins.people.as('withdrawn').act(body.approvalId, 'withdraw')
  expect((await logins.register('withdrawn')).status).toBe(202)
  expect((await logins.decide('approve', 'withdrawn')).body.state).toBe('approved')
  expect((await logins.authenticate('withdrawn')).body).toBe(true)
})

test.each([
  ['e-mail address', { email: 'moved@example.org' }],
  ['status', { status: 'disabled' }],
])('another %s ends a registration that waits', async (what, edit) => {
  const login = `changed-${Object.keys(edit)[0] ?? what}`
  await logins.addPerson(login)
  const { body } = await logins.register(login)
  await logins.postUser(login, edit)
  expect((await waitForState(stack.api.db, body.approvalId, 'superseded')).approval.state).toBe(
    'superseded',
  )
  const late = await logins.decide('approve', login)
  expect([late.status, late.body]).toMatchObject([409, {}])
  await logins.postUser(login, { status: 'active', email: `${login}@example.org` })
  expect((await logins.register(login)).status).toBe(202)
})

test('another name leaves it waiting', async () => {
  await logins.addPerson('renamed')
  const { body } = await logins.register('renamed')
  await logins.postUser('renamed', { name: 'Another' })
  expect(await listEvents(stack.api.db, body.approvalId)).toEqual(['opened'])
})

test('what was approved of another address is not applied', async () => {
  await logins.addPerson('raced')
  const { body } = await logins.register('raced')
  await stack.api.db.query(`update users set email = 'raced@elsewhere.org' where login = 'raced'`)
  expect((await logins.decide('approve', 'raced')).status).toBe(200)
  const { failureCode } = await waitForState(stack.api.db, body.approvalId, 'apply-failed')
  expect(failureCode).toBe('subject_changed')
  expect((await logins.authenticate('raced')).body).toBe(false)
})

test('a revoked login opens nothing from then on, and cannot be registered again', async () => {
  await logins.letIn('leaver')
  expect((await logins.authenticate('leaver')).body).toBe(true)
  const own = await logins.decide('revoke', 'bea', { subject: 'bea' })
  expect([own.status, own.body.code]).toEqual([403, 'four_eyes'])
  const revoked = await logins.decide('revoke', 'leaver', { subject: 'bea' })
  expect([revoked.status, revoked.body]).toEqual([
    200,
    { login: 'leaver', state: 'revoked', approved_by: 'ada', approved_at: expect.any(String) },
  ])
  expect((await logins.authenticate('leaver')).body).toBe(false)
  expect((await logins.decide('revoke', 'leaver', { subject: 'bea' })).status).toBe(200)
  expect((await logins.decide('revoke', 'leaver', { subject: 'ada' })).status).toBe(409)
  // Ada approved once; that is not so any more.
  const late = await logins.decide('approve', 'leaver')
  expect([late.status, late.body]).toMatchObject([
    409,
    { code: 'approval_closed', state: 'revoked' },
  ])
  expect((await logins.register('leaver')).status).toBe(409)
})

test('who is deleted loses the login, and who comes after them has none', async () => {
  await logins.letIn('deleted')
  const { approvalId = '' } = (await findLogin(stack.api.db, 'deleted')) ?? {}
  expect((await logins.deleteUser('deleted')).status).toBe(204)
  await waitForState(stack.api.db, approvalId, 'revoked')
  expect((await logins.authenticate('deleted')).body).toBe(false)
  await logins.putUser('deleted')
  expect((await logins.authenticate('deleted')).body).toBe(false)
  const { body } = await logins.register('deleted')
  await logins.deleteUser('deleted')
  await waitForState(stack.api.db, body.approvalId, 'superseded')
})

test('registrations that wait are listed, page by page', async () => {
  for (const login of ['list-a', 'list-b']) {
    await logins.addPerson(login)
    await logins.register(login)
  }
  type Page = { items: { login: string; state: string }[]; next: string | null }
  const found: string[] = []
  let next: string | null = ''
  while (next !== null) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const path = `/v1/logins?state=pending&limit=1${cursor}`
    const { body } = await logins.people.as('ada').get<Page>(path)
    found.push(...body.items.map(({ login }) => login))
    next = body.next
  }
  expect(found).toEqual(expect.arrayContaining(['list-a', 'list-b']))
  expect(found).not.toContain('grace')
  const path = '/v1/logins?state=rejected'
  const { status } = await logins.people.as({ subject: 'x', scope: 'user:authn' }).get(path)
  expect(status).toBe(403)
})

test('a quorum of two lets in with the second vote', async () => {
  const admin = logins.people.as({ subject: 'admin', scope: 'approval:admin' })
  const path = '/v1/approval-policies/login-registration'
  const put = async (quorum: number): Promise<void> => {
    const { headers } = await admin.get(path)
    const stages = [{ name: 'both', approvers: { group: 'login_approvers' }, quorum }]
    const ifMatch = { 'if-match': headers.get('etag') ?? '' }
    const json = { stages, expiresAfter: 'P14D' }
    const { status } = await admin.send('PUT', path, { json, headers: ifMatch })
    expect([200, 201]).toContain(status)
  }
  await put(2)
  await logins.addPerson('quorum')
  await logins.register('quorum')
  await put(1)
  const first = await logins.decide('approve', 'quorum')
  expect(first.body).toMatchObject({ state: 'pending', approved_by: null })
  expect((await logins.authenticate('quorum')).body).toBe(false)
  const second = await logins.decide('approve', 'quorum', { subject: 'bea' })
  expect(second.body).toMatchObject({ state: 'approved', approved_by: 'bea' })
  expect((await logins.authenticate('quorum')).body).toBe(true)
})

test('registering takes a scope of its own', async () => {
  const { status, body } = await logins.people
    .as({ subject: 'portal', scope: 'user:write user:authn' })
    .send<Problem>('POST', '/user/register', {
      json: { login: 'grace', email: 'grace@example.org', password: GOOD_PASSWORD },
    })
  expect([status, body.code]).toEqual([403, 'insufficient_scope'])
})

test('many are decided on at once, each with its own outcome', async () => {
  const waiting = ['bulk-a', 'bulk-b', 'bulk-c']
  for (const login of waiting) {
    await logins.addPerson(login)
    await logins.register(login)
  }
  await logins.letIn('bulk-d')
  const decisions = [
    { login: 'bulk-a', decision: 'approve' },
    { login: 'BULK-b', decision: 'reject', reason: 'Not known' },
    { login: 'nobody', decision: 'approve' },
    { login: 'ada', decision: 'approve' },
    { login: 'bulk-d', decision: 'revoke', reason: 'Has left' },
    { login: 'bulk-d', decision: 'approve' },
  ]
  const decide = async (json: object): Promise<Answer<{ results: { status: number }[] }>> =>
    await logins.people.as('ada').send('POST', '/v1/logins/bulk-decisions', { json })
  const { status, body } = await decide({ authz_login: 'ada', decisions })
  expect(status).toBe(200)
  expect(body.results).toMatchObject([
    { login: 'bulk-a', status: 200, state: 'approved', approved_by: 'ada' },
    { login: 'bulk-b', status: 200, state: 'rejected', approved_by: null },
    { login: 'nobody', status: 404, problem: { code: 'not_found' } },
    { login: 'ada', status: 403, problem: { code: 'four_eyes' } },
    { login: 'bulk-d', status: 200 },
    { login: 'bulk-d', status: expect.any(Number) },
  ])
  // Asking for it with the password again and again would lock the login out.
  const letIn = `select count(*) from logins l join users u on u.id = l.user_id
    where login = 'bulk-a' and l.state = 'approved'`
  await waitUntil('the approved one is let in', async () => (await count(letIn)) === 1)
  expect((await logins.authenticate('bulk-a')).body).toBe(true)
  expect((await logins.authenticate('bulk-d')).body).toBe(false)
  const other = await decide({ authz_login: 'bea', decisions: decisions.slice(0, 1) })
  expect(other.body.results[0]).toMatchObject({ status: 403, problem: { code: 'not_the_caller' } })
  const mixed = [
    { login: 'bulk-c', decision: 'reject' },
    { login: 'bulk-c', decision: 'approve' },
  ]
  const { body: apart } = await decide({ authz_login: 'ada', decisions: mixed })
  expect(apart.results).toMatchObject([
    { login: 'bulk-c', status: 422, problem: { errors: [{ pointer: '/reason' }] } },
    { login: 'bulk-c', status: 200, state: 'approved' },
  ])
  expect((await decide({ authz_login: 'ada', decisions: [{}] })).status).toBe(422)
  expect((await decide({ authz_login: 'ada', decisions: [] })).status).toBe(422)
})
