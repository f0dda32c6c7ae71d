import { fc } from '../../support/properties.ts'
import { seatPoolSchema, type SeatPoolSettings } from '../../../core/roster/seat-pool.ts'
import {
  compareInOrder,
  listClaims,
  settleSeats,
  type Seat,
  type SeatClaim,
  type SeatRoster,
} from '../../../core/roster/seats.ts'

const providerId = '01990a5e-2f7c-7000-8000-000000000001'
const noon = new Date('2026-08-17T12:00:00.000Z')
const HOUR_MS = 3_600_000

const claim = fc.record({
  priority: fc.constantFrom(1, 100),
  school: fc.constantFrom('s1', 's2', 's3'),
  hours: fc.nat(5),
})
const claims = fc
  .array(claim, { maxLength: 25 })
  .map((all) => all.map(({ hours, ...rest }, index) => toClaim(`u${index}`, { hours, ...rest })))
const pool = fc
  .record({
    capacity: fc.nat(20),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    policy: fc.constantFrom('hard', 'waitlist', 'overage', 'grace'),
    releaseGrace: fc.constantFrom('PT0S', 'PT2H', 'P14D'),
  })
  .map(({ capacity, share, policy, releaseGrace }) =>
    settingsOf({
      capacity,
      reservations: {
        s1: Math.floor(capacity * share),
        s2: capacity - Math.ceil(capacity * share),
      },
      overLimit: { policy, maxPercent: 20, days: 1 },
      releaseGrace,
    }),
  )

test('settleSeats() never assigns more than the limit, and after a lower one only falls', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pool, claims), { minLength: 1, maxLength: 8 }), (runs) => {
      let seats: Seat[] = []
      for (const [hour, [settings, wanted]] of runs.entries()) {
        const before = countHeld(seats)
        seats = settle(settings, seats, { wanted, hour })
        const { capacity, overLimit } = settings
        const limit = overLimit.policy === 'overage' ? Math.floor(capacity * 1.2) : capacity
        expect(countHeld(seats)).toBeLessThanOrEqual(Math.max(limit, before))
      }
    }),
  )
})

test('settleSeats() lets nobody wait behind whom who comes later is seated, save by reservations', () => {
  fc.assert(
    fc.property(fc.nat(20), claims, (capacity, wanted) => {
      const settings = settingsOf({ capacity, overLimit: { policy: 'waitlist' } })
      const seats = settle(settings, [], { wanted }).toSorted(compareInOrder)
      const states = seats.map(({ state }) => state)
      expect(states).toEqual(wanted.map((_, index) => (index < capacity ? 'active' : 'waiting')))
    }),
  )
})

test('settleSeats() keeps what is reserved for a school from every other', () => {
  fc.assert(
    fc.property(pool, claims, (settings, wanted) => {
      const seats = settle(settings, [], { wanted }).filter(({ state }) => state === 'active')
      for (const [school, reserved] of Object.entries(settings.reservations)) {
        const ofSchool = wanted.filter((one) => one.school === school).length
        const held = seats.filter((seat) => seat.school === school).length
        expect(held).toBeGreaterThanOrEqual(Math.min(ofSchool, reserved))
      }
    }),
  )
})

test('settleSeats() settles what is settled the same way', () => {
  fc.assert(
    fc.property(pool, claims, (settings, wanted) => {
      const seats = settle(settings, [], { wanted })
      expect(settle(settings, seats, { wanted })).toEqual(seats)
    }),
  )
})

test('settleSeats() gives whoever is back within the grace the same seat, before those who wait', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.nat(1), (capacity, late) => {
      const settings = settingsOf({
        capacity,
        overLimit: { policy: 'waitlist' },
        releaseGrace: 'PT2H',
      })
      const wanted = Array.from({ length: capacity + 2 }, (_, index) => toClaim(`u${index}`))
      const first = settle(settings, [], { wanted })
      const gone = settle(settings, first, { wanted: wanted.slice(1), hour: 1 })
      const back = settle(settings, gone, { wanted, hour: 2 + late })
      const seatOf = (seats: readonly Seat[]): Seat | undefined =>
        seats.find(({ userId }) => userId === 'u0')
      expect(seatOf(gone)?.state).toBe('releasing')
      const grantedAt = late === 0 ? seatOf(first)?.grantedAt : hourOf(3)
      expect(seatOf(back)).toEqual({ ...seatOf(first), grantedAt })
    }),
  )
})

const section = {
  id: 'c1',
  name: 'Algebra',
  schoolId: 's1',
  courseId: 'math',
  termIds: ['fall'],
  grades: ['10'],
}
const user = {
  id: 'u1',
  roles: ['student'],
  givenName: 'Pat',
  familyName: 'Doe',
  grades: ['9'],
  schoolIds: ['s1'],
  isEnabled: true,
}
const enrollment = { id: 'e1', userId: 'u1', sectionId: 'c1', role: 'student', seenAt: noon }

test.each([
  [{}, true],
  [{ schools: [], grades: [] }, true],
  [{ schools: ['s1', 's2'] }, true],
  [{ schools: ['s2'] }, false],
  [{ grades: ['9'] }, true],
  [{ grades: ['10'] }, false],
  [{ courses: ['math'] }, true],
  [{ courses: ['art'] }, false],
  [{ roles: ['student'] }, true],
  [{ roles: ['teacher'] }, false],
  [{ terms: ['fall', 'spring'] }, true],
  [{ terms: ['spring'] }, false],
  [{ schools: ['s1'], roles: ['teacher'] }, false],
])('listClaims(): the rule %j lets the person in: %s', (rule, expected) => {
  expect(claimsOf({}, { rule })).toHaveLength(expected ? 1 : 0)
})

test.each([
  ['has begun today', { beginDate: '2026-08-17' }, 1],
  ['begins tomorrow', { beginDate: '2026-08-18' }, 0],
  ['ends today', { endDate: '2026-08-17' }, 1],
  ['ended yesterday', { endDate: '2026-08-16' }, 0],
])('listClaims(): an enrollment that %s counts as %j: %i', (_, dates, count) => {
  expect(claimsOf({ enrollments: [{ ...enrollment, ...dates }] })).toHaveLength(count)
})

test('listClaims() takes the earliest enrollment that qualifies, each person once', () => {
  const enrollments = [
    enrollment,
    { ...enrollment, id: 'e2', beginDate: '2026-08-03' },
    { ...enrollment, id: 'e3', beginDate: '2026-08-02', role: 'teacher' },
  ]
  expect(claimsOf({ enrollments }, { rule: { roles: ['student'] } })).toEqual([
    {
      userId: 'u1',
      externalId: 'x1',
      school: 's1',
      enrolledAt: new Date('2026-08-03T00:00:00.000Z'),
      priority: 100,
    },
  ])
})

test.each([
  ['of the person', ['9'], 1],
  ['of the section, where the person has none', [], 2],
])('listClaims() ranks by the grades %s', (_, grades, priority) => {
  const priorities = [
    { grades: ['9'], priority: 1 },
    { grades: ['9', '10'], priority: 2 },
  ]
  const users = new Map([['u1', { ...user, grades }]])
  expect(claimsOf({ users }, { priorities })[0]?.priority).toBe(priority)
})

test.each([
  ['without an account', { accounts: new Map() }],
  ['with an account that is not active', { accounts: new Map([['u1', accountOf(false)]]) }],
  ['who is not enabled', { users: new Map([['u1', { ...user, isEnabled: false }]]) }],
  ['whom the source no longer has', { users: new Map() }],
  ['of a section that is gone', { sections: new Map() }],
])('listClaims() leaves out a person %s', (_, change) => {
  expect(claimsOf(change)).toEqual([])
})

function claimsOf(change: Partial<SeatRoster>, settings: object = {}): SeatClaim[] {
  const roster: SeatRoster = {
    sections: new Map([['c1', section]]),
    users: new Map([['u1', user]]),
    enrollments: [enrollment],
    accounts: new Map([['u1', accountOf(true)]]),
    ...change,
  }
  return listClaims(roster, { settings: settingsOf(settings), today: '2026-08-17' })
}

function accountOf(isActive: boolean): { externalId: string; isActive: boolean } {
  return { externalId: 'x1', isActive }
}

type Wish = { readonly hours?: number; readonly priority?: number; readonly school?: string }

function toClaim(
  userId: string,
  { hours = 0, priority = 100, school = 's1' }: Wish = {},
): SeatClaim {
  return { userId, externalId: `x:${userId}`, school, priority, enrolledAt: hourOf(-hours) }
}

function settingsOf(settings: object): SeatPoolSettings {
  return seatPoolSchema.parse({ capacity: 1, ...settings })
}

function settle(
  settings: SeatPoolSettings,
  seats: readonly Seat[],
  { wanted, hour = 0 }: { readonly wanted: readonly SeatClaim[]; readonly hour?: number },
): Seat[] {
  const findAccount = (): { isActive: boolean } => ({ isActive: true })
  return settleSeats(settings, seats, {
    providerId,
    claims: wanted,
    findAccount,
    now: hourOf(hour),
  })
}

function hourOf(hours: number): Date {
  return new Date(noon.getTime() + hours * HOUR_MS)
}

function countHeld(seats: readonly Seat[]): number {
  return seats.filter(({ state }) => state !== 'waiting').length
}
