import { randomUUID } from 'node:crypto'
import { withTransaction } from '../../db/client.ts'
import { bookSsnRead, findSsnCipher } from '../../db/ssn-reads.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertLicense } from '../support/licenses.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

const DAY_SECONDS = 86_400

async function book(principal: string): Promise<number | undefined> {
  const read = { principal, providerId: randomUUID(), limit: 5, windowSeconds: DAY_SECONDS }
  return await withTransaction(database.db, async (tx) => await bookSsnRead(tx, read))
}

test('bookSsnRead() lets exactly five of many simultaneous reads through', async () => {
  const waits = await Promise.all(Array.from({ length: 20 }, async () => await book('racer')))
  expect(waits.filter((wait) => wait === undefined)).toHaveLength(5)
})

test('bookSsnRead() tells when the oldest of the five leaves the window', async () => {
  for (const hoursAgo of [23, 20, 10, 5, 1]) await insertRead('waiter', hoursAgo)
  const wait = await book('waiter')
  expect(wait).toBeGreaterThan(3_590)
  expect(wait).toBeLessThanOrEqual(3_600)
})

test('bookSsnRead() forgets reads older than the window', async () => {
  for (const hoursAgo of [25, 24.01, 10, 5, 1, 0.5]) await insertRead('returner', hoursAgo)
  await expect(book('returner')).resolves.toBeUndefined()
  await expect(book('returner')).resolves.toBeGreaterThan(0)
})

test('bookSsnRead() counts each principal alone', async () => {
  for (const hoursAgo of [1, 1, 1, 1, 1]) await insertRead('busy', hoursAgo)
  await expect(book('other')).resolves.toBeUndefined()
})

test('bookSsnRead() books nothing that was refused or rolled back', async () => {
  const read = { principal: 'failing', providerId: randomUUID(), limit: 5, windowSeconds: 60 }
  const failed = withTransaction(database.db, async (tx) => {
    await bookSsnRead(tx, read)
    throw new Error('later')
  })
  await expect(failed).rejects.toThrow('later')
  const { rows } = await database.db.query(`select 1 from ssn_reads where principal = 'failing'`)
  expect(rows).toEqual([])
})

test('findSsnCipher() finds nothing under another compact', async () => {
  const providerId = await insertLicense(database.db, { ssnCipher: Buffer.from('c') })
  await expect(findSsnCipher(database.db, { compact: 'aslp', providerId })).resolves.toEqual(
    Buffer.from('c'),
  )
  await expect(findSsnCipher(database.db, { compact: 'octp', providerId })).resolves.toBeUndefined()
})

async function insertRead(principal: string, hoursAgo: number): Promise<void> {
  await database.db.query(
    `insert into ssn_reads (principal, provider_id, read_at)
     values ($1, gen_random_uuid(), clock_timestamp() - make_interval(secs => $2))`,
    [principal, hoursAgo * 3_600],
  )
}
