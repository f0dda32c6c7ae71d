import type { RosterDate, RosterEnrollment, RosterSection, RosterUser } from './record.ts'
import {
  DEFAULT_PRIORITY,
  keepsWaiting,
  overLimitEnd,
  releaseEnd,
  seatLimit,
  type SeatPoolSettings,
} from './seat-pool.ts'

export type SeatState = 'active' | 'releasing' | 'waiting'

/** One person on one product: a place that is held, or one in the queue. */
export type Seat = SeatClaim & {
  readonly providerId: string
  readonly state: SeatState
  /** Null while it waits. */
  readonly grantedAt: Date | null
  /** When it ends, while it is released. */
  readonly releaseAt: Date | null
  /** Of who waits by the policy `grace`: until when they may use the product all the same. */
  readonly overUntil: Date | null
}

/** What a person has a seat for: the earliest of their enrollments that qualify. */
export type SeatClaim = {
  readonly userId: string
  readonly externalId: string
  readonly school: string
  readonly enrolledAt: Date
  readonly priority: number
}

/** What a provider's last run applied. */
export type SeatRoster = {
  readonly sections: ReadonlyMap<string, RosterSection>
  readonly users: ReadonlyMap<string, RosterUser>
  readonly enrollments: readonly (RosterEnrollment & { readonly seenAt: Date })[]
  readonly accounts: ReadonlyMap<string, SeatAccount>
}

export type SeatAccount = { readonly externalId: string; readonly isActive: boolean }

type ClaimOptions = {
  readonly settings: Pick<SeatPoolSettings, 'rule' | 'priorities'>
  readonly today: RosterDate
}

type Enrolled = SeatClaim & { readonly sectionId: string }

/**
 * Who of a roster qualifies for a seat, each person once. A person's grades are their own, else
 * those of the section.
 */
export function listClaims(roster: SeatRoster, { settings, today }: ClaimOptions): SeatClaim[] {
  const earliest = new Map<string, Enrolled>()
  for (const enrollment of roster.enrollments) {
    const claim = findClaim(roster, enrollment, { settings, today })
    const known = claim && earliest.get(claim.userId)
    if (claim && (!known || compareEnrolled(claim, known) < 0)) earliest.set(claim.userId, claim)
  }
  return [...earliest.values()].map(toClaim)
}

function toClaim({ userId, externalId, school, enrolledAt, priority }: Enrolled): SeatClaim {
  return { userId, externalId, school, enrolledAt, priority }
}

function findClaim(
  { sections, users, accounts }: SeatRoster,
  enrollment: SeatRoster['enrollments'][number],
  { settings: { rule, priorities }, today }: ClaimOptions,
): Enrolled | undefined {
  const { userId, sectionId, role, beginDate, endDate, seenAt } = enrollment
  const section = sections.get(sectionId)
  const user = users.get(userId)
  const account = accounts.get(userId)
  if (!section || !user?.isEnabled || !account?.isActive) return undefined
  if ((beginDate ?? today) > today || (endDate ?? today) < today) return undefined
  const grades = user.grades.length > 0 ? user.grades : section.grades
  const courses = section.courseId === undefined ? [] : [section.courseId]
  const qualifies =
    fits(rule.schools, [section.schoolId]) &&
    fits(rule.grades, grades) &&
    fits(rule.courses, courses) &&
    fits(rule.roles, [role]) &&
    fits(rule.terms, section.termIds)
  if (!qualifies) return undefined
  return {
    userId,
    externalId: account.externalId,
    school: section.schoolId,
    enrolledAt: beginDate === undefined ? seenAt : new Date(`${beginDate}T00:00:00Z`),
    priority: findPriority(priorities, grades),
    sectionId,
  }
}

function fits(wanted: readonly string[] | undefined, values: readonly string[]): boolean {
  if (!wanted || wanted.length === 0) return true
  return values.some((value) => wanted.includes(value))
}

function findPriority(
  priorities: SeatPoolSettings['priorities'],
  grades: readonly string[],
): number {
  const named = priorities.filter((entry) => fits(entry.grades, grades))
  if (named.length === 0) return DEFAULT_PRIORITY
  return Math.min(...named.map(({ priority }) => priority))
}

/** What is so at a run of one provider. */
export type SeatRun = {
  readonly providerId: string
  readonly claims: readonly SeatClaim[]
  /** Of every provider; undefined once it was deleted, or its provider was. */
  readonly findAccount: (
    seat: Pick<Seat, 'providerId' | 'userId'>,
  ) => { readonly isActive: boolean } | undefined
  readonly now: Date
}

/** A seat or claim on its way; `kept` is the state that the same seat goes on with. */
type Standing = {
  readonly before: Seat | undefined
  readonly entry: Omit<Seat, 'state' | 'grantedAt' | 'releaseAt'>
  readonly wants: boolean
  readonly kept: 'active' | 'releasing' | undefined
}

/**
 * The seats of a pool after a run: first it releases and restores, then it seats who waits or is new,
 * in the order of priority, enrollment and external id, whoever fits.
 */
export function settleSeats(
  settings: SeatPoolSettings,
  seats: readonly Seat[],
  run: SeatRun,
): Seat[] {
  const standings = listStandings(settings, seats, run)
  const fitting = listFitting(settings, standings)
  return standings.flatMap((standing) =>
    concludeSeat(standing, { settings, now: run.now, hasPlace: fitting.has(standing) }),
  )
}

function listStandings(
  settings: SeatPoolSettings,
  seats: readonly Seat[],
  run: SeatRun,
): Standing[] {
  const claims = new Map(run.claims.map((claim) => [claim.userId, claim]))
  const known = seats.map((seat) => {
    const claim = seat.providerId === run.providerId ? claims.get(seat.userId) : undefined
    if (claim) claims.delete(seat.userId)
    return toStanding(settings, { seat, claim }, run)
  })
  const { providerId } = run
  const added = [...claims.values()].map((claim) => ({
    before: undefined,
    entry: { ...claim, providerId, overUntil: null },
    wants: true,
    kept: undefined,
  }))
  return [...known, ...added]
}

function toStanding(
  settings: SeatPoolSettings,
  { seat, claim }: { readonly seat: Seat; readonly claim: SeatClaim | undefined },
  run: SeatRun,
): Standing {
  const { state, grantedAt: _, releaseAt: __, ...rest } = seat
  const overUntil = settings.overLimit.policy === 'grace' ? seat.overUntil : null
  const account = run.findAccount(seat)
  const isOurs = seat.providerId === run.providerId
  const goesOn = state === 'waiting' ? account?.isActive === true : state === 'active'
  const wants = account !== undefined && (isOurs ? claim !== undefined : goesOn)
  const kept = account && findKept(settings, seat, { wants, now: run.now })
  return { before: seat, entry: { ...rest, ...claim, overUntil }, wants, kept }
}

function findKept(
  settings: SeatPoolSettings,
  { state, releaseAt, overUntil }: Seat,
  { wants, now }: { readonly wants: boolean; readonly now: Date },
): Standing['kept'] {
  if (state === 'waiting' || overUntil || (releaseAt && releaseAt <= now)) return undefined
  if (wants) return 'active'
  return releaseAt || releaseEnd(settings, now) > now ? 'releasing' : undefined
}

function listFitting(
  settings: SeatPoolSettings,
  standings: readonly Standing[],
): ReadonlySet<Standing> {
  const held = new Map<string, number>()
  let assigned = 0
  const take = (school: string): void => {
    held.set(school, (held.get(school) ?? 0) + 1)
    assigned += 1
  }
  for (const { kept, entry } of standings) if (kept) take(entry.school)
  const candidates = standings
    .filter(({ wants, kept }) => wants && !kept)
    .toSorted((a, b) => compareInOrder(a.entry, b.entry))
  const limit = seatLimit(settings)
  const fitting = new Set<Standing>()
  for (const candidate of candidates) {
    const { school } = candidate.entry
    const isReserved = (held.get(school) ?? 0) < (settings.reservations[school] ?? 0)
    if (assigned >= limit) break
    if (!isReserved && countCharged(settings, held) >= limit) continue
    take(school)
    fitting.add(candidate)
  }
  return fitting
}

// What is held, and what has to stay free for the schools that it is reserved for.
function countCharged(settings: SeatPoolSettings, held: ReadonlyMap<string, number>): number {
  const schools = new Set([...held.keys(), ...Object.keys(settings.reservations)])
  return [...schools].reduce(
    (sum, school) => sum + Math.max(held.get(school) ?? 0, settings.reservations[school] ?? 0),
    0,
  )
}

type Conclusion = {
  readonly settings: SeatPoolSettings
  readonly now: Date
  readonly hasPlace: boolean
}

function concludeSeat(standing: Standing, { settings, now, hasPlace }: Conclusion): Seat[] {
  const { before, entry, wants, kept } = standing
  const grantedAt = (kept && before?.grantedAt) ?? now
  const held = { ...entry, grantedAt, releaseAt: null, overUntil: null }
  if (hasPlace || kept === 'active') return [{ ...held, state: 'active' }]
  if (kept === 'releasing') {
    return [{ ...held, state: kept, releaseAt: before?.releaseAt ?? releaseEnd(settings, now) }]
  }
  if (!wants || !keepsWaiting(settings)) return []
  // Once: who has waited on beyond that does not begin anew.
  const overUntil = entry.overUntil ?? overLimitEnd(settings, now) ?? null
  return [{ ...entry, state: 'waiting', grantedAt: null, releaseAt: null, overUntil }]
}

function compareEnrolled(a: Enrolled, b: Enrolled): number {
  return (
    a.enrolledAt.getTime() - b.enrolledAt.getTime() ||
    compareText(a.school, b.school) ||
    compareText(a.sectionId, b.sectionId)
  )
}

type Ordered = Pick<Seat, 'priority' | 'enrolledAt' | 'externalId' | 'providerId' | 'userId'>

/** The order in which people are seated: priority, enrollment, external id. */
export function compareInOrder(a: Ordered, b: Ordered): number {
  return (
    a.priority - b.priority ||
    a.enrolledAt.getTime() - b.enrolledAt.getTime() ||
    compareText(a.externalId, b.externalId) ||
    compareText(a.providerId, b.providerId) ||
    compareText(a.userId, b.userId)
  )
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
