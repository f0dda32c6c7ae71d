import type { RosterEnrollment, RosterSchool, RosterSection, RosterUser } from '../roster/record.ts'
import { createChanges, type Changes } from './district-changes.ts'
import { listSchoolRecords, type District, type DistrictChange } from './district.ts'
import type { Mutation } from './district-mutations.ts'
import { countSchools } from './district-school.ts'
import { createRandom, type Random } from './random.ts'

const CLASSES = 5

/** To whom a mutation happens, in the school that it happens in. */
export type Drawing = Changes & {
  readonly district: District
  readonly school: number
  readonly random: Random
  /** Those whose records are among the school's, whatever school they go to. */
  readonly users: readonly RosterUser[]
  readonly pickStudent: () => RosterUser | undefined
  /** Two, or nobody. */
  readonly pickTwoStudents: () => readonly (RosterUser | undefined)[]
  readonly pickOtherSchool: () => number
  readonly pickSection: () => RosterSection | undefined
  readonly findSchool: () => RosterSchool | undefined
  readonly pickOtherSection: (school: number, except: ReadonlySet<string>) => string | undefined
  /** Into some sections of a school. */
  readonly enroll: (user: RosterUser, school: number) => DistrictChange[]
  /** The same enrollment, of somebody else. */
  readonly transfer: (school: number, record: RosterEnrollment, userId: string) => DistrictChange
}

/** Opens the school that a mutation happens in. */
export function createDrawing(district: District, mutation: Mutation): Drawing {
  const random = createRandom('mutation', district.seed, mutation.kind, mutation.seed)
  const schools = countSchools(district)
  const school = mutation.school ?? random.int(schools)
  const changes = createChanges({ district, school, at: mutation.at })
  const users = listSchoolRecords(district, 'users', school)
  const students = users.filter(({ roles }) => roles.includes('student'))
  const pick = <T>(list: readonly T[]): T | undefined => list[random.int(list.length)]
  return {
    ...changes,
    district,
    school,
    random,
    users,
    pickStudent: () => pick(students),
    pickTwoStudents() {
      const first = random.int(students.length)
      return students.length < 2 ? [] : [students[first], students[(first + 1) % students.length]]
    },
    pickOtherSchool: () => (school + 1 + random.int(schools - 1)) % schools,
    pickSection: () => pick(listSchoolRecords(district, 'sections', school)),
    findSchool: () => listSchoolRecords(district, 'schools', school)[0],
    pickOtherSection(index, except) {
      const sections = listSchoolRecords(district, 'sections', index)
      return pick(sections.filter(({ id }) => !except.has(id)))?.id
    },
    enroll(user, index) {
      const sections = listSchoolRecords(district, 'sections', index)
      const first = random.int(Math.max(sections.length, 1))
      return Array.from({ length: Math.min(CLASSES, sections.length) }, (_, step) => {
        const sectionId = sections[(first + step) % sections.length]?.id ?? ''
        return changes.createEnrollment(index, { sectionId, userId: user.id, role: 'student' })
      })
    },
    transfer: (index, { sectionId, role }, userId) =>
      changes.createEnrollment(index, { sectionId, userId, role }),
  }
}
