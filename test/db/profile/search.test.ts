import fc from 'fast-check'
import { listGrams } from '../../../core/profile/search.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('the index of texts and listGrams() cut a text alike', async () => {
  const storable = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))
  await fc.assert(
    fc.asyncProperty(storable, async (text) => {
      const { rows } = await database.db.query<{ grams: string[] }>(
        'select profile_text_grams($1::text, null, null, null, null) as grams',
        [text],
      )
      const grams = listGrams('staff_information.title', text)
      expect(rows[0]?.grams.toSorted()).toEqual(grams.toSorted())
    }),
  )
})
