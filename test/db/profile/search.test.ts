import { fc } from '../../support/properties.ts'
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

test('the index of texts takes a long text without minutes of work', async () => {
  const long = Array.from({ length: 20_000 }, (_, index) => `é${index}`).join('')
  const { rows } = await database.db.query<{ found: boolean; count: number }>(
    `select grams @> $2::text[] as found, cardinality(grams) as count
     from profile_text_grams(null, $1::text, null, null, null) as grams`,
    [long, listGrams('staff_information.team', long.slice(50_000, 50_100))],
  )
  const expected = new Set(
    Array.from({ length: long.length - 2 }, (_, place) => long.slice(place, place + 3)),
  )
  expect(rows).toEqual([{ found: true, count: expected.size }])
})
