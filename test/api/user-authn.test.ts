import {
  startLoginStack,
  GOOD_PASSWORD,
  type LoginApi,
  type LoginStack,
} from '../support/logins.ts'

const WINDOW_SECONDS = 15 * 60

let stack: LoginStack
let logins: LoginApi

beforeAll(async () => {
  stack = await startLoginStack()
  logins = stack.logins
  await logins.letIn('grace')
})
beforeEach(async () => {
  await stack.api.db.query('delete from authentication_failures')
})
afterAll(async () => {
  await stack.close()
})

test('authentication answers true or false, by GET with a body too', async () => {
  expect(await logins.authenticateByGet('GRACE', GOOD_PASSWORD)).toBe('200 true')
  expect(await logins.authenticateByGet('grace', 'wrong')).toBe('200 false')
  expect(await logins.authenticateByGet('a\u0000/', '')).toBe('200 false')
  const { status, body, headers } = await logins.authenticate('grace')
  expect([status, body]).toEqual([200, true])
  expect(headers.get('content-type')).toBe('application/json')
})

test('who is disabled is nobody until they are active again', async () => {
  await logins.postUser('grace', { status: 'disabled' })
  expect((await logins.authenticate('grace')).body).toBe(false)
  await logins.postUser('grace', { status: 'active' })
  expect((await logins.authenticate('grace')).body).toBe(true)
})

test('authorization is for members whose login is approved', async () => {
  await logins.addPerson('waits')
  await logins.register('waits')
  const clerk = logins.people.as({ subject: 'clerk', scope: 'group:write' })
  await clerk.send('PUT', '/v1/groups/editors')
  for (const login of ['grace', 'waits']) {
    await clerk.send('PUT', `/v1/groups/editors/members/${login}`)
  }
  expect(await logins.isInGroup('Grace', 'editors')).toBe(true)
  expect(await logins.isInGroup('waits', 'editors')).toBe(false)
  expect(await logins.isInGroup('grace', 'login_approvers')).toBe(false)
  expect(await logins.isInGroup('grace', 'no such')).toBe(false)
  expect(await logins.isInGroup('nobody', 'editors')).toBe(false)
  expect(await logins.isInGroup('a\u0000', 'b\u0000')).toBe(false)
  await clerk.send('DELETE', '/v1/groups/editors/members/grace')
  expect(await logins.isInGroup('grace', 'editors')).toBe(false)
})

test.each([
  ['somebody', 'grace'],
  ['nobody', 'not-grace'],
])('ten failures lock %s out, whatever the password, until they are old', async (_, login) => {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    expect((await logins.authenticate(login, `wrong ${attempt}`)).body).toBe(false)
  }
  const locked = await logins.authenticate(login)
  expect([locked.status, locked.body.code]).toEqual([429, 'too_many_attempts'])
  const seconds = Number(locked.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(WINDOW_SECONDS / 2)
  expect(seconds).toBeLessThanOrEqual(WINDOW_SECONDS)
  expect((await logins.authenticate(login.toUpperCase(), 'wrong')).status).toBe(429)
  await stack.api.db.query(
    `update authentication_failures set at = at - interval '15 minutes'
     where id = (select min(id) from authentication_failures)`,
  )
  expect((await logins.authenticate(login)).body).toBe(login === 'grace')
})

test('of guesses at the same time ten are answered', async () => {
  const answers = await Promise.all(
    Array.from(
      { length: 40 },
      async (_, guess) => await logins.authenticate('grace', `no ${guess}`),
    ),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
})

test('fifty right ones at the same time are all answered', async () => {
  const answers = await Promise.all(
    Array.from(
      { length: 50 },
      async () => await logins.authenticate('grace', GOOD_PASSWORD, '::1'),
    ),
  )
  expect(answers.map(({ status, body }) => [status, body])).toEqual(answers.map(() => [200, true]))
})

test('a hundred failures lock an address out, and no other', async () => {
  await stack.api.db.query(`delete from authentication_failures`)
  const address = '203.0.113.7'
  for (let batch = 0; batch < 10; batch += 1) {
    const answers = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, index) => await logins.authenticate(`spray-${batch}-${index}`, 'x', address),
      ),
    )
    expect(answers.every(({ body }) => body === false)).toBe(true)
  }
  for (const spelt of [address, `::ffff:${address}`, '::FFFF:cb00:7107']) {
    expect((await logins.authenticate('grace', GOOD_PASSWORD, spelt)).status).toBe(429)
  }
  expect((await logins.authenticate('grace', GOOD_PASSWORD, '203.0.113.8')).body).toBe(true)
  expect((await logins.authenticate('grace')).body).toBe(true)
})

test('an address that is none and unknown fields are refused', async () => {
  expect((await logins.authenticate('grace', GOOD_PASSWORD, 'home')).status).toBe(422)
  const as = { subject: 'portal', scope: 'user:authn' }
  const json = { password: GOOD_PASSWORD, login: 'grace' }
  const path = '/v1/users/grace/authenticate'
  expect((await logins.people.as(as).send('POST', path, { json })).status).toBe(422)
  const query = `/user/authn/grace?password=${encodeURIComponent(GOOD_PASSWORD)}`
  expect((await logins.people.as(as).get(query)).status).toBe(400)
})

test('checking passwords takes its scope', async () => {
  const as = { subject: 'x', scope: 'user:read user:write approval:vote' }
  const json = { password: GOOD_PASSWORD }
  for (const path of ['/v1/users/grace/authenticate']) {
    expect((await logins.people.as(as).send('POST', path, { json })).status).toBe(403)
  }
  expect((await logins.people.as(as).get('/user/authz/grace/editors')).status).toBe(403)
})
