import { findMatches } from '../../../db/source/items.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTestProfile, recordTestChange, storeTestProfile } from '../../support/profiles.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test.each<[boolean, string | null]>([
  [false, 'hris'],
  [true, null],
])('findMatches() knows who has last said that somebody is gone (active: %j)', async (...row) => {
  const [active, inactiveBy] = row
  const { db } = database
  const userId = `ad|test|${String(active)}`
  const email = `${String(active)}@example.com`
  const contents = { active, primary_email: email }
  const profile = createTestProfile({ userId, contents })
  const { id: profileId } = await storeTestProfile(db, profile)
  const touch = { profileId, changed: ['active'] } as const
  await recordTestChange(db, { ...touch, version: 2, publisher: 'ldap' })
  await recordTestChange(db, { ...touch, version: 3, publisher: 'hris' })
  await recordTestChange(db, { profileId, changed: ['first_name'], version: 4, publisher: 'cis' })
  expect(await findMatches(db, [userId], 'user_id')).toEqual([
    { key: userId, userId, document: profile, inactiveBy },
  ])
  expect(await findMatches(db, [email], 'primary_email')).toMatchObject([{ userId, inactiveBy }])
})
