import { randomUUID } from 'node:crypto'
import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { putSeatPool, type SeatPoolKey } from '../../db/roster/seat-pools.ts'
import { allocateSeats } from '../../db/roster/seats.ts'

export type SeatSite = {
  readonly tenant: string
  readonly providerId: string
  readonly put: (settings: object, product?: string) => Promise<void>
  /** Gives a person an account and an enrollment. */
  readonly enroll: (userId: string, enrollment?: TestEnrollment) => Promise<void>
  readonly drop: (userId: string) => Promise<void>
  readonly deactivate: (userId: string) => Promise<void>
  /** As after a hard delete: the account is gone. */
  readonly remove: (userId: string) => Promise<void>
  /** Allocates, some hours after the beginning; answers the run's id. */
  readonly run: (hours?: number) => Promise<string>
  /** `user: state` of each seat, holders first, in the order of the queue. */
  readonly list: (product?: string) => Promise<string[]>
  readonly assigned: (product?: string) => Promise<number>
}

export type TestEnrollment = {
  readonly school?: string
  readonly grades?: readonly string[]
  readonly beginDate?: string
  /** Hours after the beginning. */
  readonly seenAt?: number
}

export const PRODUCT = 'math'
const BEGINNING = Date.UTC(2026, 7, 17)
const HOUR_MS = 3_600_000
export const at = (hours: number): Date => new Date(BEGINNING + hours * HOUR_MS)

/** A tenant with one provider, whose roster a test writes as a run would have applied it. */
export async function openSeatSite(
  db: Database,
  { tenant = randomUUID() }: { readonly tenant?: string } = {},
): Promise<SeatSite> {
  const providerId = randomUUID()
  await db.query(
    `insert into roster_providers (id, tenant, kind, settings) values ($1, $2, 'clever', '{}')`,
    [providerId, tenant],
  )
  const keyOf = (product: string): SeatPoolKey => ({ tenant, product })
  return {
    tenant,
    providerId,
    async put(settings, product = PRODUCT) {
      await putSeatPool(db, { ...keyOf(product), settings: seatPoolSchema.parse(settings) })
    },
    enroll: async (userId, enrollment = {}) =>
      await enroll(db, providerId, { userId, ...enrollment }),
    async drop(userId) {
      await db.query('delete from roster_enrollments where provider_id = $1 and user_id = $2', [
        providerId,
        userId,
      ])
    },
    async deactivate(userId) {
      await db.query(
        'update roster_accounts set is_active = false where provider_id = $1 and id = $2',
        [providerId, userId],
      )
    },
    async remove(userId) {
      await db.query('delete from roster_accounts where provider_id = $1 and id = $2', [
        providerId,
        userId,
      ])
    },
    async run(hours = 0) {
      const run = { id: randomUUID(), tenant, providerId, requestId: 'test' }
      const now = at(hours)
      const moment = { now, today: now.toISOString().slice(0, 10) }
      await withTransaction(db, async (tx) => await allocateSeats(tx, run, moment))
      return run.id
    },
    async list(product = PRODUCT) {
      const { rows } = await db.query<{ user: string; state: string }>(
        `select user_id as user, state from seats where tenant = $1 and product = $2
         order by state = 'waiting', priority, enrolled_at, external_id`,
        [tenant, product],
      )
      return rows.map(({ user, state }) => `${user}: ${state}`)
    },
    async assigned(product = PRODUCT) {
      const { rows } = await db.query<{ assigned: number }>(
        'select assigned from seat_pools where tenant = $1 and product = $2',
        [tenant, product],
      )
      return rows[0]?.assigned ?? Number.NaN
    },
  }
}

async function enroll(
  db: Database,
  providerId: string,
  {
    userId,
    school = 's1',
    grades = [],
    beginDate,
    seenAt = 0,
  }: TestEnrollment & { userId: string },
): Promise<void> {
  const section = { id: `class-${school}`, schoolId: school, grades: [], termIds: [] }
  await db.query(
    `insert into roster_records (provider_id, collection, id, record)
     values ($1, 'sections', $2, $3), ($1, 'schools', $4, $5)
     on conflict do nothing`,
    [providerId, section.id, section, school, { id: school, name: `School ${school}` }],
  )
  await db.query(
    `insert into roster_users (provider_id, id, record) values ($1, $2, $3)
     on conflict (provider_id, id) do update set record = excluded.record`,
    [providerId, userId, { id: userId, grades, isEnabled: true }],
  )
  await db.query(
    `insert into roster_accounts (provider_id, id, external_id, scim_id, person, is_active)
     values ($1, $2, 'clever:' || $2, 'scim-' || $2, '{}', true)
     on conflict (provider_id, id) do update set is_active = true`,
    [providerId, userId],
  )
  await db.query(
    `insert into roster_enrollments
       (provider_id, id, user_id, section_id, role, begin_date, seen_at)
     values ($1, $2, $3, $4, 'student', $5, $6)`,
    [providerId, randomUUID(), userId, section.id, beginDate ?? null, at(seenAt)],
  )
}
