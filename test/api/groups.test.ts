import { createUser } from '../../db/user/users.ts'
import { ApprovalApi } from '../support/approval-api.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

type Page = { readonly items: readonly { readonly login: string }[]; readonly next: string | null }

const clerk = { subject: 'clerk', scope: 'group:write' }
let api: TestApi
let people: ApprovalApi

beforeAll(async () => {
  api = await startTestApi()
  people = new ApprovalApi(api)
  for (const login of ['Ada', 'bob', 'Zoë', 'a.b c']) {
    await createUser(api.db, { login, email: 'x@example.org', name: login, source: 'manual' })
  }
})
afterAll(async () => {
  await api.close()
})

async function put(path: string): Promise<number> {
  return (await people.as(clerk).send('PUT', path)).status
}

test('a group is made once', async () => {
  const first = await people.as(clerk).send<object>('PUT', '/v1/groups/Domain%20Admins')
  expect([first.status, first.body]).toEqual([201, { name: 'Domain Admins' }])
  expect(await put('/v1/groups/Domain%20Admins')).toBe(200)
})

test('members come and go, as often as it is said', async () => {
  await put('/v1/groups/editors')
  for (let round = 0; round < 2; round += 1) {
    expect(await put('/v1/groups/editors/members/ADA')).toBe(204)
    expect(await put('/v1/groups/editors/members/a.b%20c')).toBe(204)
    expect(await put('/v1/groups/editors/members/zo%C3%AB')).toBe(204)
  }
  const first = await people.as(clerk).get<Page>('/v1/groups/editors/members?limit=2')
  expect(first.body.items.map(({ login }) => login)).toEqual(['a.b c', 'Ada'])
  const next = encodeURIComponent(first.body.next ?? '')
  const second = await people
    .as(clerk)
    .get<Page>(`/v1/groups/editors/members?limit=2&cursor=${next}`)
  expect(second.body).toEqual({
    items: [{ login: 'Zoë', name: 'Zoë', status: 'active' }],
    next: null,
  })
  for (let round = 0; round < 2; round += 1) {
    const { status } = await people.as(clerk).send('DELETE', '/v1/groups/editors/members/ada')
    expect(status).toBe(204)
  }
  const { rows } = await api.db.query<{ action: string }>(
    `select action from audit_entries where subject_id = 'editors' order by seq`,
  )
  expect(rows.map(({ action }) => action)).toEqual([
    'group.created',
    'group.member-added',
    'group.member-added',
    'group.member-added',
    'group.member-removed',
  ])
})

test('nobody joins who is nobody, and nothing that is no group', async () => {
  await put('/v1/groups/editors')
  expect(await put('/v1/groups/editors/members/nobody')).toBe(404)
  expect(await put('/v1/groups/nothing/members/ada')).toBe(404)
  expect((await people.as(clerk).get('/v1/groups/nothing/members')).status).toBe(404)
  expect((await people.as(clerk).get('/v1/groups/no%00thing/members')).status).toBe(404)
  expect((await people.as(clerk).send('DELETE', '/v1/groups/nothing/members/ada')).status).toBe(404)
  expect((await people.as(clerk).send('DELETE', '/v1/groups/editors/members/nobody')).status).toBe(
    204,
  )
})

test.each(['%20x', 'x%20', 'a%2Fb', '%00', '...', 'e%CC%81', 'x'.repeat(129)])(
  'no group is called "%s"',
  async (name) => {
    expect(await put(`/v1/groups/${name}`)).toBe(422)
  },
)

test('groups need their scope', async () => {
  const other = { subject: 'x', scope: 'approval:admin user:write' }
  for (const path of ['/v1/groups/editors', '/v1/groups/editors/members/ada']) {
    expect((await people.as(other).send('PUT', path)).status).toBe(403)
  }
  expect((await people.as(other).get('/v1/groups/editors/members')).status).toBe(403)
})
