import { createSqlSink } from '../../activities/sql-sink.ts'
import type { ProfileSink, SinkDelivery } from '../../core/profile/sink.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestProfile } from '../support/profiles.ts'

const { signal } = new AbortController()

let database: TestDatabase
let sink: ProfileSink

beforeAll(async () => {
  database = await createTestDatabase()
  const scopes = new Set(['read:fullprofile', 'display:all'])
  sink = createSqlSink({ name: 'replica', table: 'people', scopes, db: database.db })
})
afterAll(async () => await database.close())

function deliveryOf(userId: string, serial = 1): SinkDelivery {
  const profile = createTestProfile({ userId })
  return { profileId: 'p', userId, profile, isDeleted: false, serial, updatedAt: new Date() }
}

test.each([
  `active = not active`,
  `primary_email = 'x'`,
  `primary_username = null`,
  `uuid = 'x'`,
  `profile = '{}'`,
])('a row in which somebody has set %s differs, and is written anew', async (drift) => {
  const delivery = deliveryOf(`ad|test|${drift}`)
  expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
  expect(await sink.compare(delivery, signal)).toBe('same')
  await database.db.query(`update people set ${drift} where user_id = $1`, [delivery.userId])
  expect(await sink.compare(delivery, signal)).toBe('different')
  expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
  expect(await sink.compare(delivery, signal)).toBe('same')
  expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: false })
})

test('an older state does not replace a newer one, nor bring back who was deleted', async () => {
  const newer = deliveryOf('ad|test|order', 2)
  await sink.deliver(newer, signal)
  expect(await sink.deliver(deliveryOf('ad|test|order', 1), signal)).toEqual({
    state: 'superseded',
  })
  await sink.deliver({ ...newer, serial: 3, isDeleted: true }, signal)
  expect(await sink.deliver(newer, signal)).toEqual({ state: 'superseded' })
  expect(await sink.compare(newer, signal)).toBe('missing')
})

test('a table that was dropped is made again by the next attempt', async () => {
  const delivery = deliveryOf('ad|test|dropped')
  await sink.deliver(delivery, signal)
  await database.db.query('drop table people')
  await expect(sink.compare(delivery, signal)).rejects.toThrow('people')
  expect(await sink.compare(delivery, signal)).toBe('missing')
  expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
})
