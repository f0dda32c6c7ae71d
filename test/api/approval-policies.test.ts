import { ApprovalApi, type Answer } from '../support/approval-api.ts'
import { openTestApproval, TEST_TYPE } from '../support/approvals.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const admin = { subject: 'admin', scope: 'approval:admin' }
const registration = '/v1/approval-policies/login-registration'
const reports = `/v1/approval-policies/${TEST_TYPE}`
const policy = {
  stages: [{ name: 'review', approvers: { group: 'approvers' }, quorum: '60%' }],
  expiresAfter: 'P3D',
}

let api: TestApi
let people: ApprovalApi

beforeAll(async () => {
  api = await startTestApi()
  people = new ApprovalApi(api)
})
beforeEach(async () => {
  await api.db.query('truncate approvals, approval_policies, audit_entries cascade')
})
afterAll(async () => {
  await api.close()
})

type Body = Readonly<Record<string, unknown>>

async function put(
  path: string,
  json: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<Body>> {
  return await people.as(admin).send<Body>('PUT', path, { json, headers })
}

test('the default of registrations is read, changed and read again', async () => {
  const before = await people.as(admin).get<Body>(registration)
  expect(before.status).toBe(200)
  expect(before.headers.get('etag')).toBe('"0"')
  expect(before.body).toMatchObject({ expiresAfter: 'P14D', reminders: ['P3D'] })
  const changed = { ...before.body, expiresAfter: 'P7D' }
  const after = await put(registration, changed, { 'if-match': '"0"' })
  expect([after.status, after.headers.get('etag')]).toEqual([200, '"1"'])
  expect(after.body).toEqual(changed)
  const read = await people.as({ ...admin, scope: 'approval:read' }).get<Body>(registration)
  expect([read.headers.get('etag'), read.body]).toEqual(['"1"', changed])
  const { rows } = await api.db.query(
    `select actor, action, subject_id as subject, before_hash <> after_hash as differs
     from audit_entries`,
  )
  expect(rows).toEqual([
    {
      actor: 'admin',
      action: 'approval-policy.changed',
      subject: 'login-registration',
      differs: true,
    },
  ])
})

test('a change needs the version that it follows', async () => {
  expect((await put(registration, policy)).status).toBe(428)
  expect((await put(registration, policy, { 'if-match': '"7"' })).status).toBe(412)
  expect((await put(registration, policy, { 'if-match': '*' })).status).toBe(200)
  expect((await put(registration, policy, { 'if-match': '"0"' })).status).toBe(412)
})

test('of two changes at once one is made', async () => {
  const both = [1, 2].map(async () => await put(registration, policy, { 'if-match': '"0"' }))
  const statuses = (await Promise.all(both)).map(({ status }) => status)
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412])
})

test('a type without a policy gets its first one', async () => {
  expect((await people.as(admin).get(reports)).status).toBe(404)
  expect((await put(reports, policy)).status).toBe(428)
  const first = await put(reports, policy, { 'if-none-match': '*' })
  expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"'])
  expect((await put(reports, policy, { 'if-none-match': '*' })).status).toBe(428)
})

test('an approval keeps the policy with which it opened', async () => {
  await put(reports, policy, { 'if-match': '"0"' })
  const { approvalId } = await openTestApproval(api.db)
  await put(reports, { ...policy, expiresAfter: 'P1D' }, { 'if-match': '"1"' })
  const reader = { subject: 'x', scope: 'approval:read' }
  const { body } = await people.as(reader).get(`/v1/approvals/${approvalId}`)
  expect(body.policyVersion).toBe(1)
  expect(Date.parse(body.expiresAt) - Date.parse(body.openedAt)).toBe(3 * 86_400_000)
})

test.each([
  ['no stage', { ...policy, stages: [] }, '/stages'],
  ['quorum 0', { ...policy, stages: [{ ...policy.stages[0], quorum: 0 }] }, '/stages/0/quorum'],
  ['an unknown member', { ...policy, colour: 'red' }, '/colour'],
  [
    'an unknown member below',
    { ...policy, stages: [{ ...policy.stages[0], x: 1 }] },
    '/stages/0/x',
  ],
  ['a wrong duration', { ...policy, expiresAfter: '3 days' }, '/expiresAfter'],
])('a policy with %s is a 422', async (_, document, pointer) => {
  const { status, body } = await put(registration, document, { 'if-match': '"0"' })
  expect(status).toBe(422)
  expect(body['errors']).toEqual([expect.objectContaining({ pointer })])
})

test('policies need their scope, and a type that some domain has', async () => {
  const other = { subject: 'x', scope: 'approval:vote' }
  expect((await people.as(other).get(registration)).status).toBe(403)
  expect((await people.as(other).send('PUT', registration, { json: policy })).status).toBe(403)
  expect((await people.as(admin).get('/v1/approval-policies/tea')).status).toBe(404)
  expect((await put('/v1/approval-policies/tea', policy, { 'if-match': '*' })).status).toBe(404)
  expect((await put('/v1/approval-policies/__proto__', policy, { 'if-match': '*' })).status).toBe(
    404,
  )
})
