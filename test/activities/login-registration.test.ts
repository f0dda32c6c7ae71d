import { randomUUID } from 'node:crypto'
import { createLoginRegistrationEffect } from '../../activities/user/login-registration.ts'
import type { ApprovalState } from '../../core/approval/approval.ts'
import { withdrawApproval } from '../../db/approval/commands.ts'
import type { DecidedApproval } from '../../db/approval/effect.ts'
import { findApproval } from '../../db/approval/records.ts'
import { withTransaction } from '../../db/client.ts'
import { openRegistration } from '../../db/user/registrations.ts'
import { createUser } from '../../db/user/users.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let login: string

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => {
  login = `p-${randomUUID()}`
  const email = `${login}@example.org`
  await createUser(database.db, { login, email, name: login, source: 'manual' })
})
afterAll(async () => await database.close())

async function register(passwordHash: string): Promise<string> {
  const request = { login, email: `${login}@example.org`, passwordHash, requestId: 'request-1' }
  const opened = await withTransaction(
    database.db,
    async (tx) => await openRegistration(tx, request),
  )
  return opened?.approvalId ?? ''
}

async function decided(approvalId: string, state: ApprovalState): Promise<DecidedApproval> {
  const stored = await findApproval(database.db, approvalId)
  if (!stored) throw new Error(`Cannot find approval "${approvalId}"`)
  const { type, subject, requester, beneficiary, requestId, approval } = stored
  const { tenant } = approval
  return { approvalId, type, subject, state, requester, beneficiary, tenant, requestId }
}

async function readLogin(): Promise<{ state: string; hash: string; version: number } | undefined> {
  const { rows } = await database.db.query<{ state: string; hash: string; version: number }>(
    `select l.state, l.password_hash as hash, l.version
     from logins l join users u on u.id = l.user_id
     where u.login = $1::text`,
    [login],
  )
  return rows[0]
}

test('an effect that runs twice is there once', async () => {
  const effect = createLoginRegistrationEffect(database.db)
  const approval = await decided(await register('hash-1'), 'applying')
  expect(await effect.isApplied(approval)).toBe(false)
  await effect.apply(approval)
  expect(await effect.loadSubject?.(approval)).toEqual({ hash: approval.subject.hash })
  await effect.apply(approval)
  expect(await effect.isApplied(approval)).toBe(true)
  expect(await readLogin()).toEqual({ state: 'approved', hash: 'hash-1', version: 2 })
})

test('nothing is applied to an e-mail address that nobody approved', async () => {
  const effect = createLoginRegistrationEffect(database.db)
  const approval = await decided(await register('hash-1'), 'applying')
  await database.db.query(`update users set email = 'x@example.org' where login = $1::text`, [
    login,
  ])
  await expect(effect.apply(approval)).rejects.toMatchObject({ code: 'subject_changed' })
  expect(await effect.isApplied(approval)).toBe(false)
})

test('what comes late of an earlier registration leaves the later one alone', async () => {
  const effect = createLoginRegistrationEffect(database.db)
  const first = await register('hash-1')
  await withTransaction(
    database.db,
    async (tx) =>
      await withdrawApproval(tx, {
        approvalId: first,
        actor: login,
        claims: { scopes: [] },
        requestId: 'request-2',
      }),
  )
  await register('hash-2')
  await effect.settle?.(await decided(first, 'withdrawn'))
  await effect.settle?.(await decided(first, 'expired'))
  expect(await effect.loadSubject?.(await decided(first, 'applying'))).toBeUndefined()
  await expect(effect.apply(await decided(first, 'applying'))).rejects.toMatchObject({
    code: 'subject_changed',
  })
  expect(await readLogin()).toMatchObject({ state: 'pending', hash: 'hash-2' })
})

test.each([
  ['denied', 'rejected'],
  ['expired', 'expired'],
  ['revoked', 'revoked'],
] as const)('a registration that is %s leaves a login that is %s', async (end, state) => {
  const effect = createLoginRegistrationEffect(database.db)
  const approval = await decided(await register('hash-1'), end)
  await effect.settle?.(approval)
  await effect.settle?.(approval)
  expect(await readLogin()).toMatchObject({ state, version: 2 })
})

test.each(['withdrawn', 'superseded'] as const)(
  'of a registration that is %s nothing is left',
  async (end) => {
    const effect = createLoginRegistrationEffect(database.db)
    await effect.settle?.(await decided(await register('hash-1'), end))
    expect(await readLogin()).toBeUndefined()
  },
)
