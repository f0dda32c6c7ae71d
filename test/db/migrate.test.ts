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
