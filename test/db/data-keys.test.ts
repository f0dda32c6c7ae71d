import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { loadHashKey } from '../../db/data-keys.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const document = generateKeyRingDocument()
const ring = createKeyRing(document)
let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

test('loadHashKey() makes one key, however many ask first', async () => {
  const callers = Array.from({ length: 8 }, async () => await loadHashKey(database.db, ring))
  const keys = new Set((await Promise.all(callers)).map((key) => key.toString('hex')))
  expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
})

test('loadHashKey() keeps the key out of the database in clear', async () => {
  const key = await loadHashKey(database.db, ring)
  const { rows } = await database.db.query<{ wrapped: Buffer }>('select wrapped from data_keys')
  expect(rows.map(({ wrapped }) => wrapped.includes(key))).toEqual([false])
})

test('loadHashKey() names the ring key that is missing', async () => {
  await loadHashKey(database.db, ring)
  const stranger = createKeyRing(generateKeyRingDocument())
  await expect(loadHashKey(database.db, stranger)).rejects.toMatchObject({
    code: 'unknown_key',
    message: expect.stringContaining(`"${document.current}"`),
  })
})
