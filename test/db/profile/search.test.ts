import fc from 'fast-check'
import { listGrams } from '../../../core/profile/search.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('the index of texts has what listGrams() looks for, wherever the part stands', async () => {
  const storable = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))
  await fc.assert(
    fc.asyncProperty(storable, storable, storable, async (before, part, after) => {
      const grams = listGrams('staff_information.title', part)
      const { rows } = await database.db.query<{ found: boolean }>(
        'select profile_text_grams($1::text, null, null, null, null) @> $2::text[] as found',
        [`${before}${part}${after}`, grams],
      )
      expect(rows[0]?.found).toBe(true)
      expect(grams.length > 0).toBe(Array.from(part).length >= 3)
    }),
  )
})

test('the index of texts keeps attributes apart', async () => {
  const { rows } = await database.db.query<{ found: boolean }>(
    `select profile_text_grams(null, 'Records', null, null, null) @> $1::text[] as found`,
    [listGrams('staff_information.title', 'Records')],
  )
  expect(rows[0]?.found).toBe(false)
})
