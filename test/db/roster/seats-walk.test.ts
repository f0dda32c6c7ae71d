import { fc } from '../../support/properties.ts'
import { walkSeats } from '../../../bench/seat-steps.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('any interleaving of transitions by several workers leaves the seats that the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 8 }), async (seed, workers) => {
      const walk = await walkSeats(database.db, { seed, workers, transitions: 40 })
      expect(walk.differences).toEqual([])
    }),
    { numRuns: 12 },
  )
})

test('8 workers on the same pools lose no seat and give none twice', async () => {
  const walk = await walkSeats(database.db, { seed: 1, workers: 8, transitions: 300 })
  expect(walk.differences).toEqual([])
  expect(walk.allocationsMs.length).toBeGreaterThan(250)
  expect(walk.seatsGranted).toBeGreaterThan(50)
})
