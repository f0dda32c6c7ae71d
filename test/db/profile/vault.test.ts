import { purgeDeletedProfiles } from '../../../db/profile/vault.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTestProfile, storeTestProfile } from '../../support/profiles.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('purgeDeletedProfiles() removes who was deleted before the instant, and nobody else', async () => {
  const { db } = database
  const people = ['kept', 'deleted-lately', 'deleted-long-ago']
  for (const [index, userId] of people.entries()) {
    const profile = createTestProfile({ seed: index + 1, userId })
    await storeTestProfile(db, profile, { deleted: userId !== 'kept' })
  }
  await db.query(`update profiles set deleted_at = '2026-01-01' where user_id = 'deleted-long-ago'`)
  const options = { deletedBefore: new Date('2026-02-01'), limit: 10 }
  expect(await purgeDeletedProfiles(db, options)).toBe(1)
  expect(await purgeDeletedProfiles(db, options)).toBe(0)
  const { rows } = await db.query<{ id: string }>('select user_id as id from profiles order by 1')
  expect(rows.map(({ id }) => id)).toEqual(['deleted-lately', 'kept'])
})
