import type { RosterEnrollment, RosterSection, RosterUser } from '../core/roster/record.ts'
import type { SeatAccount, SeatRoster } from '../core/roster/seats.ts'
import type { Random } from '../core/sample/random.ts'
import type { Queryable } from '../db/client.ts'

type Enrollment = SeatRoster['enrollments'][number]

/** A provider's roster in memory, and the same in the tables of what was last applied. */
export type District = {
  readonly providerId: string
  /** Changes one person at random, here and in the tables. */
  readonly change: (tx: Queryable, random: Random, now: Date) => Promise<void>
  /** The roster as it is now; later changes leave it alone. */
  readonly snapshot: () => SeatRoster
}

export type DistrictOptions = {
  readonly providerId: string
  readonly tenant: string
  readonly people: number
}

const SCHOOLS = ['s1', 's2', 's3'] as const
const GRADES = ['9', '12'] as const
const COURSES = ['c1', 'c2'] as const
const DAY_MS = 86_400_000
const MAX_DAYS_OFF = 4

const sections: readonly RosterSection[] = SCHOOLS.flatMap((schoolId) =>
  COURSES.map((courseId, index) => ({
    id: `${schoolId}-${courseId}`,
    name: `${schoolId} ${courseId}`,
    schoolId,
    courseId,
    termIds: [`t${index + 1}`],
    grades: index === 0 ? ['12'] : [],
  })),
)

/** Adds a provider with its sections to the tables; its people come and go by `change`. */
export async function createDistrict(
  db: Queryable,
  { providerId, tenant, people }: DistrictOptions,
): Promise<District> {
  await db.query(
    `insert into roster_providers (id, tenant, kind, settings)
     values ($1::uuid, $2::text, 'oneroster', '{}')`,
    [providerId, tenant],
  )
  await db.query(
    `insert into roster_records (provider_id, collection, id, record)
     select $1::uuid, 'sections', record ->> 'id', record
     from jsonb_array_elements($2::jsonb) record`,
    [providerId, JSON.stringify(sections)],
  )
  const state: State = {
    providerId,
    users: new Map(),
    accounts: new Map(),
    enrollments: new Map(),
    added: 0,
  }
  return {
    providerId,
    async change(tx, random, now) {
      const id = `u${random.int(people)}`
      changePerson(state, id, { random, now })
      await writePerson(tx, state, id)
    },
    snapshot: () => ({
      sections: new Map(sections.map((section) => [section.id, section])),
      users: new Map(state.users),
      accounts: new Map(state.accounts),
      enrollments: [...state.enrollments.values()],
    }),
  }
}

type State = {
  readonly providerId: string
  readonly users: Map<string, RosterUser>
  readonly accounts: Map<string, SeatAccount>
  readonly enrollments: Map<string, Enrollment>
  added: number
}
type Chance = { readonly random: Random; readonly now: Date }

function changePerson(state: State, id: string, { random, now }: Chance): void {
  const account = state.accounts.get(id)
  if (!account?.isActive) {
    join(state, id, random)
    enroll(state, id, { random, now })
    return
  }
  const deed = random.pick(['enroll', 'enroll', 'drop', 'drop', 'leave', 'delete', 'disable'])
  if (deed === 'enroll') enroll(state, id, { random, now })
  if (deed === 'drop') drop(state, id, random)
  if (deed === 'disable') switchOff(state, id)
  if (deed === 'leave' || deed === 'delete') leave(state, id)
  if (deed === 'leave') state.accounts.set(id, { ...account, isActive: false })
  if (deed === 'delete') state.accounts.delete(id)
}

function join(state: State, id: string, random: Random): void {
  state.users.set(id, {
    id,
    roles: ['student'],
    givenName: 'Pat',
    familyName: id,
    grades: random.chance(0.7) ? [random.pick(GRADES)] : [],
    schoolIds: [],
    isEnabled: true,
  })
  state.accounts.set(id, { externalId: `x:${id}:${state.providerId.slice(0, 4)}`, isActive: true })
}

function enroll(state: State, userId: string, { random, now }: Chance): void {
  const section = sections[random.int(sections.length)]
  if (!section) return
  state.added += 1
  const id = `e${state.added}`
  const beginDate = random.chance(0.4) ? dayOf(now, random.int(MAX_DAYS_OFF) - 2) : undefined
  const endDate = random.chance(0.3) ? dayOf(now, random.int(MAX_DAYS_OFF)) : undefined
  state.enrollments.set(id, {
    id,
    userId,
    sectionId: section.id,
    role: random.chance(0.8) ? 'student' : 'teacher',
    ...(beginDate !== undefined && { beginDate }),
    ...(endDate !== undefined && { endDate }),
    seenAt: now,
  })
}

function drop(state: State, userId: string, random: Random): void {
  for (const one of listOf(state, userId)) {
    if (random.chance(0.7)) state.enrollments.delete(one.id)
  }
}

function switchOff(state: State, id: string): void {
  const user = state.users.get(id)
  if (user) state.users.set(id, { ...user, isEnabled: !user.isEnabled })
}

function leave(state: State, id: string): void {
  state.users.delete(id)
  for (const one of listOf(state, id)) state.enrollments.delete(one.id)
}

function listOf({ enrollments }: State, userId: string): RosterEnrollment[] {
  return [...enrollments.values()].filter((enrollment) => enrollment.userId === userId)
}

async function writePerson(tx: Queryable, state: State, id: string): Promise<void> {
  const { providerId } = state
  const person = [providerId, id]
  const user = state.users.get(id)
  const account = state.accounts.get(id)
  await tx.query('delete from roster_users where provider_id = $1 and id = $2', person)
  await tx.query('delete from roster_accounts where provider_id = $1 and id = $2', person)
  await tx.query('delete from roster_enrollments where provider_id = $1 and user_id = $2', person)
  if (user) {
    await tx.query(
      'insert into roster_users (provider_id, id, record) values ($1, $2, $3::jsonb)',
      [...person, JSON.stringify(user)],
    )
  }
  if (account) {
    await tx.query(
      `insert into roster_accounts (provider_id, id, external_id, scim_id, person, is_active)
       values ($1, $2, $3, $2, '{}', $4)`,
      [...person, account.externalId, account.isActive],
    )
  }
  await tx.query(
    `insert into roster_enrollments
       (provider_id, id, user_id, section_id, role, begin_date, end_date, seen_at)
     select $1, id, $2, "sectionId", role, "beginDate", "endDate", "seenAt"
     from jsonb_to_recordset($3::jsonb) as e (id text, "sectionId" text, role text,
       "beginDate" date, "endDate" date, "seenAt" timestamptz)`,
    [...person, JSON.stringify(listOf(state, id))],
  )
}

/** The day that is some days from an instant, in UTC. */
export function dayOf(instant: Date, offset = 0): string {
  return new Date(instant.getTime() + offset * DAY_MS).toISOString().slice(0, 10)
}
