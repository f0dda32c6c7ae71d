import type { RosterUser } from '../roster/record.ts'
import type { DistrictOptions } from './district.ts'
import { createId } from './district-ids.ts'
import { createRandom, type Random } from './random.ts'
import { familyNames, givenNames } from './vocabulary.ts'

/** What somebody does in a school. */
export type Post = 'administrator' | 'staff' | 'teacher' | 'contact' | 'student'

export type Place = {
  readonly school: number
  /** Among all who ever were in the school. */
  readonly number: number
  readonly post: Post
  readonly schoolId: string
  /** From kindergarten (0) to 12; of students. */
  readonly grade: number
}

const DOMAIN = 'district.example'
const MISSING = 0.06
const SHARED = 0.02
const MALFORMED = 0.015
const DISABLED = 0.01
const SECOND_ROLE = 0.1

const ROLES: Readonly<Record<DistrictOptions['kind'], Readonly<Record<Post, readonly string[]>>>> =
  {
    clever: {
      administrator: ['district_admin', 'staff'],
      staff: ['staff'],
      teacher: ['teacher'],
      contact: ['contact'],
      student: ['student'],
    },
    oneroster: {
      administrator: ['administrator'],
      staff: ['aide'],
      teacher: ['teacher'],
      contact: ['guardian'],
      student: ['student'],
    },
  }
const SECOND_ROLES = { clever: 'staff', oneroster: 'administrator' } as const

/**
 * A made-up person with what real ones come with: e-mails that are missing, shared or malformed,
 * accounts that are not enabled, teachers with a second role.
 */
export function createPerson(district: DistrictOptions, place: Place): RosterUser {
  const { kind, seed } = district
  const { school, number, post, schoolId, grade } = place
  const random = createRandom('district person', seed, school, number)
  const id = createId(district, 'users', { school, number })
  const username = `${post.slice(0, 1)}${school}.${number}`
  const [givenName, familyName] = [random.pick(givenNames), random.pick(familyNames)]
  const email = createEmail(random, { username, school, number })
  const isEnabled = !random.chance(DISABLED) || kind === 'clever'
  const hasSecondRole = post === 'teacher' && random.chance(SECOND_ROLE)
  const isOfSchool = post !== 'contact'
  return {
    id,
    roles: [...ROLES[kind][post], ...(hasSecondRole ? [SECOND_ROLES[kind]] : [])].toSorted(),
    givenName,
    familyName,
    ...(random.chance(0.3) && { middleName: random.pick(givenNames) }),
    ...(email !== undefined && { email }),
    ...(isOfSchool && !random.chance(0.02) && { districtUsername: username }),
    ...(isOfSchool && toNumbers(district, place)),
    grades: post === 'student' ? [formatGrade(kind, grade)] : [],
    schoolIds: isOfSchool || kind === 'oneroster' ? [schoolId] : [],
    isEnabled,
  }
}

/** A grade as Clever or OneRoster writes it, kindergarten being 0. */
export function formatGrade(kind: DistrictOptions['kind'], grade: number): string {
  if (grade === 0) return kind === 'clever' ? 'Kindergarten' : 'KG'
  return kind === 'clever' ? String(grade) : String(grade).padStart(2, '0')
}

// OneRoster has one identifier for both.
function toNumbers(
  { kind }: DistrictOptions,
  { school, number }: Place,
): { readonly sisId: string; readonly number: string } {
  const sisId = String(school * 100_000 + number)
  return { sisId, number: kind === 'clever' ? `N${sisId}` : sisId }
}

function createEmail(
  random: Random,
  {
    username,
    school,
    number,
  }: { readonly username: string; readonly school: number; readonly number: number },
): string | undefined {
  const place = random.next()
  if (place < MISSING) return undefined
  if (place < MISSING + SHARED) return `office${school}@${DOMAIN}`
  if (place < MISSING + SHARED + MALFORMED) {
    return [`${username} at ${DOMAIN}`, `${username}@`, `${username}@@${DOMAIN}`][number % 3]
  }
  // Capitals that stand for nothing.
  return random.chance(0.1) ? `${username.toUpperCase()}@${DOMAIN}` : `${username}@${DOMAIN}`
}
