import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listGroupsOf } from '../../db/user/groups.ts'
import { findUser } from '../../db/user/users.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let directory: string

beforeAll(async () => {
  database = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'registrar-user-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
  await database.close()
})

async function run(...args: readonly string[]): Promise<CommandRun> {
  return await runCommand(['user', 'add', ...args], {
    DATABASE_URL: database.url,
    DATA_DIR: directory,
  })
}

async function listActions(): Promise<string[]> {
  const { rows } = await database.db.query<{ action: string }>(
    `select action from audit_entries where actor = 'cli' order by seq`,
  )
  return rows.map(({ action }) => action)
}

test('user add makes the first approver, and a second time does nothing', async () => {
  const args = ['Ada', '--email', 'ada@example.org', '--name', 'Ada L.']
  const groups = ['--group', 'login_approvers', '--group', 'editors']
  const first = await run(...args, ...groups, '--json')
  expect([first.code, JSON.parse(first.stdout)]).toEqual([
    0,
    { login: 'Ada', created: true, joined: ['login_approvers', 'editors'] },
  ])
  expect(await findUser(database.db, 'ada')).toMatchObject({
    login: 'Ada',
    name: 'Ada L.',
    source: 'manual',
    status: 'active',
  })
  expect(await listGroupsOf(database.db, 'ada')).toEqual(['editors', 'login_approvers'])
  const actions = await listActions()
  expect(actions.toSorted()).toEqual([
    'group.created',
    'group.created',
    'group.member-added',
    'group.member-added',
    'user.created',
  ])
  const second = await run('ada', '--email', 'else@example.org', ...groups)
  expect([second.code, second.stdout]).toEqual([0, 'Ada was there; nothing of them is changed\n'])
  expect((await findUser(database.db, 'ada'))?.email).toBe('ada@example.org')
  expect(await listActions()).toEqual(actions)
})

test.each([
  ['nobody', ['--email', 'x@example.org']],
  ['no e-mail address', ['bob']],
  ['an address that is none', ['bob', '--email', 'bob']],
  ['a reserved login', ['Approve', '--email', 'x@example.org']],
  ['a group that is none', ['bob', '--email', 'x@example.org', '--group', 'a/b']],
  ['an empty name', ['bob', '--email', 'x@example.org', '--name', '']],
])('user add ends with 2 on %s', async (_, args) => {
  const { code, stdout, stderr } = await run(...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).not.toBe('')
})
