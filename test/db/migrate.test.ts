import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { listPendingMigrations, migrate } from '../../db/migrate.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('migrate() applies nothing to a database that is up to date', async () => {
  await expect(migrate(database.url)).resolves.toEqual([])
  await expect(listPendingMigrations(database.db)).resolves.toEqual([])
})

test('migrate() brings an empty database up to date from several processes at once', async () => {
  await database.db.query(
    'drop schema public cascade; drop schema staging cascade; create schema public',
  )
  const applied = await Promise.all([1, 2, 3].map(async () => await migrate(database.url)))
  expect(applied.filter((names) => names.length > 0)).toHaveLength(1)
  await expect(listPendingMigrations(database.db)).resolves.toEqual([])
})

test.each([
  {
    what: 'a build that knows more',
    change: `insert into schema_migrations (name, run_on) values ('9999_later', now())`,
    code: 'unknown_migrations',
    message: /9999_later, which this build does not know; run the build that made it/,
  },
  {
    what: 'a build that knew others before',
    change: `delete from schema_migrations where name = '0003_uploads'`,
    code: 'migrations_out_of_order',
    message: /lacks 0003_uploads and has 0004_licenses, which comes later; go on with the build/,
  },
])('migrate() refuses a database of $what, saying what to do', async (refused) => {
  const { change, code, message } = refused
  await database.db.query('create table kept as select * from schema_migrations')
  await database.db.query(change)
  await expect(migrate(database.url)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  })
  await database.db.query(
    `delete from schema_migrations; insert into schema_migrations select * from kept; drop table kept`,
  )
})
