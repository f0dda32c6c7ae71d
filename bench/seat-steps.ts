import { randomUUID } from 'node:crypto'
import {
  seatLimit,
  seatPolicies,
  seatPoolSchema,
  type SeatPoolSettings,
} from '../core/roster/seat-pool.ts'
import {
  compareInOrder,
  listClaims,
  settleSeats,
  type Seat,
  type SeatRoster,
} from '../core/roster/seats.ts'
import { createRandom, type Random } from '../core/sample/random.ts'
import { withTransaction, type Database, type Queryable } from '../db/client.ts'
import { lockSeatPool, putSeatPool } from '../db/roster/seat-pools.ts'
import { allocateSeats } from '../db/roster/seats.ts'
import { createDistrict, dayOf, type District } from './seat-district.ts'

/** One transition as the database made it: the order is that of the pools' locks. */
type Step = {
  readonly place: number
  readonly pools: readonly Pool[]
  /** Absent where settings were put. */
  readonly run?: { readonly providerId: string; readonly roster: SeatRoster; readonly now: Date }
}
type Pool = {
  readonly product: string
  readonly settings: SeatPoolSettings
  readonly assigned: number
  readonly seats: readonly Seat[]
}

export type SeatWalk = {
  /** What the database did otherwise than the rules say; empty when all is right. */
  readonly differences: readonly string[]
  /** How long each allocation took, with the wait for the lock. */
  readonly allocationsMs: readonly number[]
  readonly seatsGranted: number
}

export type SeatWalkOptions = {
  readonly seed: number
  readonly transitions: number
  /** Each has a provider of its own; all share the tenant's pools. */
  readonly workers: number
  readonly peoplePerWorker?: number
}

const PRODUCTS = ['math', 'reading'] as const
const DEFAULT_PEOPLE = 8
const MAX_HOURS = 8
const HOUR_MS = 3_600_000
const MAX_DIFFERENCES = 20
const SETTINGS_SHARE = 0.06

/**
 * Makes random transitions with several workers at once, each with a connection of its own, and then
 * walks the same ones through the rules in the order in which they were serialized.
 */
export async function walkSeats(db: Database, options: SeatWalkOptions): Promise<SeatWalk> {
  const site = await openSite(db, options)
  const started = await readPools(db, site.tenant)
  await Promise.all(
    site.districts.map(async (district, worker) => {
      const random = createRandom('seat-walk', options.seed, worker)
      while (site.left > 0) {
        site.left -= 1
        site.steps.push(await takeStep(site, district, random))
      }
    }),
  )
  return {
    differences: compare(site.steps, started),
    allocationsMs: site.allocationsMs,
    seatsGranted: await countGrants(db, site.tenant),
  }
}

type Site = {
  readonly db: Database
  readonly tenant: string
  readonly districts: readonly District[]
  readonly steps: Step[]
  readonly allocationsMs: number[]
  nowMs: number
  left: number
}

async function openSite(
  db: Database,
  { seed, workers, transitions, peoplePerWorker = DEFAULT_PEOPLE }: SeatWalkOptions,
): Promise<Site> {
  const tenant = `walk-${randomUUID()}`
  await db.query('create sequence if not exists seat_walk_places')
  const random = createRandom('seat-walk', seed)
  const districts: District[] = []
  for (let worker = 0; worker < workers; worker += 1) {
    const options = { providerId: randomUUID(), tenant, people: peoplePerWorker }
    districts.push(await createDistrict(db, options))
  }
  for (const product of PRODUCTS) {
    await putSeatPool(db, { tenant, product, settings: createSettings(random, districts.length) })
  }
  const nowMs = Date.UTC(2026, 7, 17)
  return { db, tenant, districts, steps: [], allocationsMs: [], nowMs, left: transitions }
}

async function takeStep(site: Site, district: District, random: Random): Promise<Step> {
  if (random.chance(SETTINGS_SHARE)) return await changeSettings(site, random)
  site.nowMs += random.int(MAX_HOURS) * HOUR_MS
  const now = new Date(site.nowMs)
  const { providerId } = district
  return await withTransaction(site.db, async (tx) => {
    if (random.chance(0.9)) await district.change(tx, random, now)
    const run = { id: randomUUID(), tenant: site.tenant, providerId, requestId: 'walk' }
    const began = performance.now()
    await allocateSeats(tx, run, { now, today: dayOf(now) })
    site.allocationsMs.push(performance.now() - began)
    const place = await takePlace(tx)
    const pools = await readPools(tx, site.tenant)
    return { place, pools, run: { providerId, roster: district.snapshot(), now } }
  })
}

async function changeSettings(site: Site, random: Random): Promise<Step> {
  const settings = createSettings(random, site.districts.length)
  return await withTransaction(site.db, async (tx) => {
    // In the order in which runs take the locks, so that the place is this step's own.
    for (const product of PRODUCTS) await lockSeatPool(tx, { tenant: site.tenant, product })
    await putSeatPool(tx, { tenant: site.tenant, product: random.pick(PRODUCTS), settings })
    return { place: await takePlace(tx), pools: await readPools(tx, site.tenant) }
  })
}

function createSettings(random: Random, workers: number): SeatPoolSettings {
  const capacity = random.int(1 + workers * 5)
  const reserved = random.int(1 + capacity)
  return seatPoolSchema.parse({
    capacity,
    reservations: random.chance(0.6)
      ? { s1: reserved, s2: random.int(1 + capacity - reserved) }
      : {},
    rule: random.chance(0.6) ? {} : createRule(random),
    overLimit: { policy: random.pick(seatPolicies), maxPercent: 20, days: 2 },
    releaseGrace: random.pick(['PT0S', 'PT20H', 'P1D', 'P3D']),
    priorities: random.chance(0.5) ? [{ grades: ['12'], priority: random.int(2) * 150 }] : [],
  })
}

function createRule(random: Random): object {
  return random.pick<object>([
    { schools: ['s1', 's3'] },
    { grades: ['12'] },
    { courses: ['c1'] },
    { roles: ['student'] },
    { terms: ['t2'], grades: [] },
  ])
}

async function takePlace(tx: Queryable): Promise<number> {
  const { rows } = await tx.query<{ place: number }>(`select nextval('seat_walk_places') as place`)
  return rows[0]?.place ?? 0
}

async function readPools(db: Queryable, tenant: string): Promise<Pool[]> {
  const { rows: pools } = await db.query<Omit<Pool, 'seats'>>(
    'select product, settings, assigned from seat_pools where tenant = $1 order by product',
    [tenant],
  )
  const { rows: seats } = await db.query<Seat & { product: string }>(
    `select product, provider_id as "providerId", user_id as "userId",
       external_id as "externalId", school, enrolled_at as "enrolledAt", priority, state,
       granted_at as "grantedAt", release_at as "releaseAt", over_until as "overUntil"
     from seats where tenant = $1`,
    [tenant],
  )
  return pools.map((pool) => ({
    ...pool,
    seats: seats.filter((seat) => seat.product === pool.product).map(toSeat),
  }))
}

function toSeat(row: Seat & { readonly product?: string }): Seat {
  const { product: _, ...seat } = row
  return seat
}

async function countGrants(db: Queryable, tenant: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*) from audit_entries
     where action = 'seat.granted' and cause ->> 'tenant' = $1`,
    [tenant],
  )
  return rows[0]?.count ?? 0
}

function compare(steps: readonly Step[], started: readonly Pool[]): string[] {
  const rosters = new Map<string, SeatRoster>()
  const differences: string[] = []
  let before: readonly Pool[] = started
  for (const step of steps.toSorted((a, b) => a.place - b.place)) {
    if (step.run) rosters.set(step.run.providerId, step.run.roster)
    for (const [index, pool] of step.pools.entries()) {
      const known = before[index]
      if (!known) continue
      const expected = step.run ? settle(known, step.run, rosters) : known.seats
      const fault = findFault(pool, { expected, before: known })
      if (fault !== undefined) differences.push(`${step.place} ${pool.product}: ${fault}`)
    }
    before = step.pools
  }
  return differences.slice(0, MAX_DIFFERENCES)
}

function settle(
  { settings, seats }: Pool,
  { providerId, roster, now }: NonNullable<Step['run']>,
  rosters: ReadonlyMap<string, SeatRoster>,
): Seat[] {
  return settleSeats(settings, seats, {
    providerId,
    claims: listClaims(roster, { settings, today: dayOf(now) }),
    findAccount: (seat) => rosters.get(seat.providerId)?.accounts.get(seat.userId),
    now,
  })
}

type Comparison = { readonly expected: readonly Seat[]; readonly before: Pool }

function findFault(pool: Pool, { expected, before }: Comparison): string | undefined {
  const { settings, assigned, seats } = pool
  const held = seats.filter(({ state }) => state !== 'waiting')
  if (held.length !== assigned) return `${held.length} seats are held, ${assigned} are assigned`
  const limit = seatLimit(settings)
  const isWithin = assigned <= Math.max(limit, before.assigned)
  if (!isWithin) {
    return `${assigned} seats are assigned after ${before.assigned}, with a limit of ${limit}`
  }
  const found = listTexts(seats)
  const wanted = listTexts(expected)
  if (found.join() === wanted.join()) return undefined
  const extra = found.filter((text) => !wanted.includes(text))
  const missing = wanted.filter((text) => !found.includes(text))
  return `found ${extra.join(' ')}, expected ${missing.join(' ')}`
}

function listTexts(seats: readonly Seat[]): string[] {
  return seats.toSorted(compareInOrder).map((seat) => JSON.stringify(toComparable(seat)))
}

function toComparable(seat: Seat): readonly unknown[] {
  const { providerId, userId, externalId, school, enrolledAt, priority, state } = seat
  const { grantedAt, releaseAt, overUntil } = seat
  const person = [providerId, userId, externalId, school, enrolledAt, priority]
  return [...person, state, grantedAt, releaseAt, overUntil]
}
