import type { RosterEnrollment, RosterSchool, RosterSection, RosterUser } from '../roster/record.ts'
import { createCourseId, createTermId, subjects } from './district-catalogue.ts'
import type { DistrictOptions } from './district.ts'
import { createEnrollmentId, createId } from './district-ids.ts'
import { createPerson, formatGrade, type Post } from './district-person.ts'
import { createRandom } from './random.ts'
import { cities } from './vocabulary.ts'

type Base = DistrictOptions & { readonly year: number }

const USERS_PER_SCHOOL = 600
const MIN_SCHOOLS = 2
const PERIODS = 7
const CLASS_SIZE = 25
const CO_TAUGHT_EVERY = 10
/** First and last grade of elementary, middle and high schools. */
const LEVELS = [
  ['Elementary', 0, 5],
  ['Middle', 6, 8],
  ['High', 9, 12],
] as const
const DATED = 0.1

/** How many schools the district has. */
export function countSchools({ users }: DistrictOptions): number {
  return Math.max(MIN_SCHOOLS, Math.ceil(users / USERS_PER_SCHOOL))
}

/** How many people a school has at first. */
export function countUsers(district: DistrictOptions, school: number): number {
  const { users } = district
  const schools = countSchools(district)
  return Math.floor(((school + 1) * users) / schools) - Math.floor((school * users) / schools)
}

/** How many sections a school has in a year. */
export function countSections(district: DistrictOptions, school: number): number {
  const students = countUsers(district, school) - countStaff(countUsers(district, school))
  return PERIODS * Math.max(1, Math.ceil(students / CLASS_SIZE))
}

/** School `index`, from 0. */
export function createSchool(district: DistrictOptions, index: number): RosterSchool {
  const [level] = levelOf(index)
  const town = createRandom('district school', district.seed, index).pick(cities)
  return {
    id: createSchoolId(district, index),
    name: `${town} ${level} School ${index + 1}`,
    number: String(100 + index),
  }
}

/** The id of school `index`. */
export function createSchoolId(district: DistrictOptions, index: number): string {
  return createId(district, 'schools', { school: 0, number: index })
}

/** The people of a school at first, those with a post before the students. */
export function createSchoolUsers(district: DistrictOptions, school: number): RosterUser[] {
  const total = countUsers(district, school)
  return Array.from({ length: total }, (_, number) => {
    const post = postOf(number, total)
    return createUser(district, { school, number, post })
  })
}

/** One person of a school, of whatever number. */
export function createUser(
  district: DistrictOptions,
  {
    school,
    number,
    post,
  }: { readonly school: number; readonly number: number; readonly post: Post },
): RosterUser {
  const [, first, last] = levelOf(school)
  const grade = first + (number % (last - first + 1))
  return createPerson(district, {
    school,
    number,
    post,
    grade,
    schoolId: createSchoolId(district, school),
  })
}

/** The sections of a school in a year, the district's first unless said. */
export function createSchoolSections(
  district: Base,
  school: number,
  year = district.year,
): RosterSection[] {
  const count = countSections(district, school)
  const [, first, last] = levelOf(school)
  return Array.from({ length: count }, (_, index) => {
    const subject = subjects[(index + school) % subjects.length] ?? subjects[0]
    const grade = first + (index % (last - first + 1))
    return {
      id: createSectionId(district, { school, index, year }),
      name: `${subject} ${index + 1}`,
      schoolId: createSchoolId(district, school),
      courseId: createCourseId(district, index + school),
      termIds: [createTermId(district, year, index % 2)],
      grades: [formatGrade(district.kind, grade)],
      subject,
      period: String(1 + Math.floor((index * PERIODS) / count)),
    }
  })
}

/** Who is in which section at first: every student in one a period, every section with its teacher. */
export function createSchoolEnrollments(district: Base, school: number): RosterEnrollment[] {
  const users = createSchoolUsers(district, school)
  return assignUsers(district, { school, users, year: district.year })
}

/** Who of these is in which section of the school in a year. */
export function assignUsers(
  district: Base,
  {
    school,
    users,
    year,
  }: { readonly school: number; readonly users: readonly RosterUser[]; readonly year: number },
): RosterEnrollment[] {
  const count = countSections(district, school)
  const perPeriod = count / PERIODS
  const idOf = (index: number): string => createSectionId(district, { school, index, year })
  const sectionIds = Array.from({ length: count }, (_, index) => idOf(index))
  const teachers = users.filter(({ roles }) => roles.includes('teacher'))
  const students = users.filter(({ roles }) => roles.includes('student'))
  const enrollments: RosterEnrollment[] = []
  const enroll = (index: number, user: RosterUser | undefined, role: string): void => {
    const sectionId = sectionIds[index]
    if (user && sectionId !== undefined) {
      enrollments.push(createEnrollment(district, { sectionId, userId: user.id, role }))
    }
  }
  sectionIds.forEach((_, index) => {
    enroll(index, teachers[index % teachers.length], 'teacher')
    if (index % CO_TAUGHT_EVERY !== 0 || teachers.length < 2) return
    enroll(index, teachers[(index + 1) % teachers.length], 'teacher')
  })
  students.forEach((student, place) => {
    for (let period = 0; period < PERIODS; period += 1) {
      const shift = Math.floor(place / perPeriod) * period
      enroll(period * perPeriod + ((place + shift) % perPeriod), student, 'student')
    }
  })
  return enrollments
}

/** An enrollment; in OneRoster some say from when to when. */
export function createEnrollment(
  district: Base,
  ends: { readonly sectionId: string; readonly userId: string; readonly role: string },
): RosterEnrollment {
  const id = createEnrollmentId(district, ends)
  const isDated =
    district.kind === 'oneroster' && createRandom(district.seed, 'dates', id).chance(DATED)
  const dates = { beginDate: `${district.year - 1}-08-15`, endDate: `${district.year + 1}-07-31` }
  return { id, ...ends, ...(isDated && dates) }
}

function createSectionId(
  district: DistrictOptions,
  {
    school,
    index,
    year,
  }: { readonly school: number; readonly index: number; readonly year: number },
): string {
  return createId(district, 'sections', { school, number: (year % 100) * 10_000 + index })
}

function levelOf(school: number): (typeof LEVELS)[number] {
  return LEVELS[school % LEVELS.length] ?? LEVELS[0]
}

function postOf(number: number, total: number): Post {
  if (number >= countStaff(total)) return 'student'
  const place = number / total
  if (number === 0) return 'administrator'
  if (place < 0.02 && number > 1) return 'staff'
  return place < 0.08 || number < 3 ? 'teacher' : 'contact'
}

/** Those who are no students; a school of a few has an administrator and a teacher all the same. */
function countStaff(total: number): number {
  return Math.min(total, Math.max(2, Math.ceil(total * 0.12)))
}
