import {
  listEntitlementChanges,
  noteEntitlements,
  listSchoolSeats,
} from '../../../db/roster/seats.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { at, openSeatSite, PRODUCT, type SeatSite } from '../../support/seats.ts'

let database: TestDatabase
let site: SeatSite

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => {
  site = await openSeatSite(database.db)
})
afterAll(async () => await database.close())

const waitlist = { overLimit: { policy: 'waitlist' } }
const DAYS = 24

async function enrollAll(...users: readonly string[]): Promise<void> {
  for (const [index, user] of users.entries()) await site.enroll(user, { seenAt: index })
}

test('a person has one seat, however many classes', async () => {
  await site.put({ capacity: 5 })
  await site.enroll('u1')
  await site.enroll('u1', { school: 's2' })
  await site.run()
  expect(await site.list()).toEqual(['u1: active'])
  expect(await site.assigned()).toBe(1)
})

test('whoever waits is promoted in the transaction that releases a seat, in order', async () => {
  await site.put({ capacity: 1, releaseGrace: 'PT0S', ...waitlist })
  await enrollAll('u1', 'u2', 'u3')
  await site.run()
  expect(await site.list()).toEqual(['u1: active', 'u2: waiting', 'u3: waiting'])
  await site.drop('u1')
  await site.run(1)
  expect(await site.list()).toEqual(['u2: active', 'u3: waiting'])
})

test('the queue goes by priority, then enrollment, then external id', async () => {
  await site.put({ capacity: 0, ...waitlist, priorities: [{ grades: ['12'], priority: 1 }] })
  await site.enroll('u4', { beginDate: '2026-08-02' })
  await site.enroll('u2', { beginDate: '2026-08-01' })
  await site.enroll('u1', { beginDate: '2026-08-01' })
  await site.enroll('u3', { beginDate: '2026-08-03', grades: ['12'] })
  await site.run()
  const states = (await site.list()).map((line) => line.replace(': waiting', ''))
  expect(states).toEqual(['u3', 'u1', 'u2', 'u4'])
})

test('a seat that is released stays assigned for the grace, then it ends', async () => {
  await site.put({ capacity: 1, releaseGrace: 'P14D', ...waitlist })
  await enrollAll('u1', 'u2')
  await site.run()
  await site.drop('u1')
  await site.run(1)
  expect(await site.list()).toEqual(['u1: releasing', 'u2: waiting'])
  expect(await site.assigned()).toBe(1)
  await site.run(14 * DAYS)
  expect(await site.list()).toEqual(['u1: releasing', 'u2: waiting'])
  await site.run(14 * DAYS + 1)
  expect(await site.list()).toEqual(['u2: active'])
})

test('coming back within the grace restores the same seat, before those who wait', async () => {
  await site.put({ capacity: 1, ...waitlist })
  await enrollAll('u1', 'u2')
  await site.run()
  const granted = await readGrant('u1')
  await site.drop('u1')
  await site.run(1)
  await site.enroll('u1', { seenAt: 13 * DAYS })
  await site.run(13 * DAYS)
  expect(await site.list()).toEqual(['u1: active', 'u2: waiting'])
  expect(await readGrant('u1')).toEqual(granted)
})

test('coming back after the grace is being new', async () => {
  await site.put({ capacity: 1, ...waitlist })
  await enrollAll('u1', 'u2')
  await site.run()
  await site.drop('u1')
  await site.run(1)
  await site.enroll('u1', { seenAt: 15 * DAYS })
  await site.run(15 * DAYS)
  expect(await site.list()).toEqual(['u2: active', 'u1: waiting'])
})

test('a deactivated person’s seat has the grace, a deleted one’s has none', async () => {
  await site.put({ capacity: 2 })
  await enrollAll('u1', 'u2')
  await site.run()
  await site.deactivate('u1')
  await site.remove('u2')
  await site.run(1)
  expect(await site.list()).toEqual(['u1: releasing'])
})

test('a lower capacity takes nobody’s seat, and nobody is seated until it fits', async () => {
  await site.put({ capacity: 3, releaseGrace: 'PT0S', ...waitlist })
  await enrollAll('u1', 'u2', 'u3', 'u4')
  await site.run()
  await site.put({ capacity: 1, releaseGrace: 'PT0S', ...waitlist })
  await site.run(1)
  expect(await site.assigned()).toBe(3)
  await site.drop('u1')
  await site.drop('u2')
  await site.run(2)
  expect(await site.list()).toEqual(['u3: active', 'u4: waiting'])
  await site.drop('u3')
  await site.run(3)
  expect(await site.list()).toEqual(['u4: active'])
})

test('a higher capacity seats those who wait at the next run', async () => {
  await site.put({ capacity: 0, ...waitlist })
  await enrollAll('u1', 'u2')
  await site.run()
  await site.put({ capacity: 1, ...waitlist })
  expect(await site.list()).toEqual(['u1: waiting', 'u2: waiting'])
  await site.run(1)
  expect(await site.list()).toEqual(['u1: active', 'u2: waiting'])
})

test('a school has what is reserved for it, and competes for the rest beyond that', async () => {
  await site.put({ capacity: 4, reservations: { s1: 1, s2: 1 }, ...waitlist })
  for (const user of ['a1', 'a2', 'a3', 'a4']) await site.enroll(user, { school: 's1' })
  await site.run()
  expect(await site.list()).toEqual(['a1: active', 'a2: active', 'a3: active', 'a4: waiting'])
  await site.enroll('b1', { school: 's2', seenAt: 5 })
  await site.enroll('b2', { school: 's2', seenAt: 5 })
  await site.run(5)
  expect(await site.list()).toEqual([
    'a1: active',
    'a2: active',
    'a3: active',
    'b1: active',
    'a4: waiting',
    'b2: waiting',
  ])
  expect(await listSchoolSeats(database.db, { tenant: site.tenant, product: PRODUCT })).toEqual([
    { school: 's1', name: 'School s1', reserved: 1, active: 3, releasing: 0, waiting: 1 },
    { school: 's2', name: 'School s2', reserved: 1, active: 1, releasing: 0, waiting: 1 },
  ])
})

test.each([
  ['hard', ['u1: active']],
  ['overage', ['u1: active', 'u2: active']],
  ['waitlist', ['u1: active', 'u2: waiting', 'u3: waiting']],
  ['grace', ['u1: active', 'u2: waiting', 'u3: waiting']],
])('the policy %s: over a limit of one come %j', async (policy, expected) => {
  await site.put({ capacity: 1, overLimit: { policy, maxPercent: 100, days: 2 } })
  await enrollAll('u1', 'u2', 'u3')
  await site.run()
  expect(await site.list()).toEqual(expected)
})

test('who waits by the policy grace may use the product for its days, once, and holds no seat', async () => {
  await site.put({ capacity: 1, releaseGrace: 'PT0S', overLimit: { policy: 'grace', days: 2 } })
  await enrollAll('u1', 'u2', 'u3')
  await site.run()
  expect(await site.assigned()).toBe(1)
  expect(await listEntitled(0)).toEqual(['u1', 'u2', 'u3'])
  await site.drop('u1')
  await site.run(1)
  expect(await site.list()).toEqual(['u2: active', 'u3: waiting'])
  expect(await site.assigned()).toBe(1)
  expect(await listEntitled(1)).toEqual(['u2', 'u3'])
  await site.run(2 * DAYS)
  expect(await listEntitled(2 * DAYS)).toEqual(['u2'])
  await site.run(4 * DAYS)
  expect(await site.list()).toEqual(['u2: active', 'u3: waiting'])
  expect(await listEntitled(4 * DAYS)).toEqual(['u2'])
})

test('a seat beyond the capacity, as an earlier release gave them, gives way to the limit', async () => {
  await site.put({ capacity: 1, overLimit: { policy: 'grace', days: 2 } })
  await enrollAll('u1', 'u2')
  await site.run()
  await database.db.query(
    `update seats set state = 'active', granted_at = $2
     where tenant = $1 and user_id = 'u2'`,
    [site.tenant, at(0)],
  )
  await site.run(1)
  expect(await site.list()).toEqual(['u1: active', 'u2: waiting'])
  expect(await site.assigned()).toBe(1)
  expect(await listEntitled(1)).toEqual(['u1', 'u2'])
})

test('a run that changes nothing writes nothing', async () => {
  await site.put({ capacity: 1, ...waitlist })
  await enrollAll('u1', 'u2')
  await site.run()
  const before = await countRows()
  await site.run(1)
  expect(await countRows()).toEqual(before)
})

test('each seat given, about to be released, restored and released is in the audit log with its run', async () => {
  await site.put({ capacity: 1, releaseGrace: 'PT2H', ...waitlist })
  await site.enroll('u1')
  const granted = await site.run()
  await site.drop('u1')
  const releasing = await site.run(1)
  await site.enroll('u1')
  const restored = await site.run(2)
  await site.remove('u1')
  const released = await site.run(3)
  const { rows } = await database.db.query<{ action: string; runId: string; id: string }>(
    `select action, cause ->> 'runId' as "runId", subject_id as id from audit_entries
     where subject_type = 'seat' and cause ->> 'tenant' = $1 order by seq`,
    [site.tenant],
  )
  const id = 'clever:u1'
  expect(rows).toEqual([
    { action: 'seat.granted', runId: granted, id },
    { action: 'seat.releasing', runId: releasing, id },
    { action: 'seat.restored', runId: restored, id },
    { action: 'seat.released', runId: released, id },
  ])
  const { rows: events } = await database.db.query(
    `select data ->> 'syncId' as "runId" from events
     where type = 'roster.seats-changed' and data ->> 'tenant' = $1 order by occurred_at`,
    [site.tenant],
  )
  expect(events).toEqual([granted, releasing, restored, released].map((runId) => ({ runId })))
})

test('providers of a tenant share its pools; each run looks after its own people', async () => {
  const other = await openSeatSite(database.db, { tenant: site.tenant })
  await site.put({ capacity: 1, releaseGrace: 'PT0S', ...waitlist })
  await site.enroll('u1')
  await other.enroll('v1', { seenAt: 1 })
  await site.run()
  await other.run(1)
  expect(await site.list()).toEqual(['u1: active', 'v1: waiting'])
  await site.drop('u1')
  await other.run(2)
  expect(await site.list()).toEqual(['u1: active', 'v1: waiting'])
  await site.run(3)
  expect(await site.list()).toEqual(['v1: active'])
})

test('the seats of a provider that was removed end with the next run of another', async () => {
  const other = await openSeatSite(database.db, { tenant: site.tenant })
  await site.put({ capacity: 5 })
  await other.enroll('v1')
  await other.run()
  await database.db.query('update roster_providers set removed_at = now() where id = $1', [
    other.providerId,
  ])
  await site.run(1)
  expect(await site.list()).toEqual([])
})

test('another tenant’s seats are left alone', async () => {
  const other = await openSeatSite(database.db)
  await other.put({ capacity: 5 })
  await site.put({ capacity: 5 })
  await other.enroll('v1')
  await site.enroll('u1')
  await site.run()
  expect([await other.list(), await site.list()]).toEqual([[], ['u1: active']])
})

test('the target is to be told of every product of which a person holds a seat, until it was', async () => {
  await site.put({ capacity: 5, releaseGrace: 'PT2H' }, 'reading')
  await site.put({ capacity: 1, releaseGrace: 'PT2H' }, 'Math')
  await enrollAll('u1', 'u2', 'u3')
  await site.run()
  const { db } = database
  const idsOf = (id: string): object => ({ id, scimId: `scim-${id}`, externalId: `clever:${id}` })
  const now = at(0)
  const first = await listEntitlementChanges(db, site.providerId, { limit: 2, now })
  expect(first).toEqual([
    { ...idsOf('u1'), entitlements: ['Math', 'reading'] },
    { ...idsOf('u2'), entitlements: ['reading'] },
  ])
  await noteEntitlements(db, site.providerId, first)
  const rest = await listEntitlementChanges(db, site.providerId, { afterId: 'u2', limit: 2, now })
  expect(rest.map(({ id }) => id)).toEqual(['u3'])
  await noteEntitlements(db, site.providerId, rest)
  await site.drop('u1')
  await site.run(1)
  expect(await listEntitlementChanges(db, site.providerId, { limit: 9, now })).toEqual([])
  await site.run(3)
  const [released] = await listEntitlementChanges(db, site.providerId, { limit: 9, now })
  expect(released).toEqual({ ...idsOf('u1'), entitlements: [] })
})

// Whom the target would be told of as entitled, had it been told of nothing.
async function listEntitled(hours: number): Promise<string[]> {
  const changes = await listEntitlementChanges(database.db, site.providerId, {
    limit: 9,
    now: at(hours),
  })
  return changes.map(({ id }) => id)
}

async function readGrant(userId: string): Promise<Date | undefined> {
  const { rows } = await database.db.query<{ at: Date }>(
    'select granted_at as at from seats where tenant = $1 and user_id = $2',
    [site.tenant, userId],
  )
  return rows[0]?.at
}

async function countRows(): Promise<unknown> {
  const { rows } = await database.db.query(
    `select (select count(*) from audit_entries) as entries, (select count(*) from events) as events,
       (select json_agg(s.xmin::text || s.ctid::text order by user_id)
        from seats s where tenant = $1) as seats,
       (select xmin::text || ctid::text from seat_pools where tenant = $1) as pool`,
    [site.tenant],
  )
  return rows[0]
}
