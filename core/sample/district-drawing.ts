import type { RosterEnrollment, RosterSection, RosterUser } from '../roster/record.ts'
import { listSchoolRecords, type District, type DistrictChange } from './district.ts'
import type { Mutation } from './district-mutations.ts'
import { countSchools, createEnrollment, createSchoolId } from './district-school.ts'
import { createRandom, type Random } from './random.ts'

type Held = { readonly school: number; readonly record: RosterEnrollment }
type Ends = Pick<RosterEnrollment, 'sectionId' | 'userId' | 'role'>

const CLASSES = 5

/** The changes of which mutations are made, in the school that one happens in. */
export type Drawing = {
  readonly district: District
  readonly school: number
  readonly random: Random
  /** Those whose records are among the school's, whatever school they go to. */
  readonly users: readonly RosterUser[]
  readonly schoolId: (school: number) => string
  readonly pickStudent: () => RosterUser | undefined
  readonly pickTwoStudents: () => readonly (RosterUser | undefined)[]
  readonly pickOtherSchool: () => number
  readonly pickSection: (change: (section: RosterSection) => DistrictChange[]) => DistrictChange[]
  readonly findOtherSection: (school: number, except: ReadonlySet<string>) => string | undefined
  readonly listEnrollments: (user: RosterUser) => Held[]
  readonly createUser: (user: RosterUser) => DistrictChange
  readonly updateUser: (user: RosterUser) => DistrictChange
  /** Enrollments first. */
  readonly removeUser: (user: RosterUser) => DistrictChange[]
  /** Into some sections of a school. */
  readonly enroll: (user: RosterUser, school: number) => DistrictChange[]
  readonly createEnrollment: (school: number, ends: Ends) => DistrictChange
  readonly removeEnrollment: (held: Held) => DistrictChange
  readonly removeEnrollments: (user: RosterUser) => DistrictChange[]
  /** The same enrollment, of somebody else. */
  readonly transfer: (school: number, record: RosterEnrollment, userId: string) => DistrictChange
  readonly updateSection: (section: RosterSection) => DistrictChange
  readonly removeSection: (section: RosterSection) => DistrictChange[]
  readonly renameSchool: () => DistrictChange[]
}

/** Opens the school that a mutation happens in. */
export function createDrawing(district: District, mutation: Mutation): Drawing {
  const { at } = mutation
  const random = createRandom('mutation', district.seed, mutation.kind, mutation.seed)
  const schools = countSchools(district)
  const school = mutation.school ?? random.int(schools)
  const users = listSchoolRecords(district, 'users', school)
  const students = users.filter(({ roles }) => roles.includes('student'))
  const schoolId = (index: number): string => createSchoolId(district, index)
  const pickSome = <T>(list: readonly T[]): T | undefined => list[random.int(list.length)]
  const listEnrollments = (user: RosterUser): Held[] => {
    const at = findSchools(user, { school, schools, schoolId })
    return at.flatMap((index) => {
      const all = listSchoolRecords(district, 'enrollments', index)
      return all.filter(({ userId }) => userId === user.id).map((record) => ({ school: index, record }))
    })
  }
  const removeEnrollment = ({ school: index, record }: Held): DistrictChange => ({
    type: 'deleted',
    collection: 'enrollments',
    record,
    school: index,
    at,
  })
  const removeEnrollments = (user: RosterUser): DistrictChange[] =>
    listEnrollments(user).map(removeEnrollment)
  const createOne = (index: number, { sectionId, userId, role }: Ends): DistrictChange => ({
    type: 'created',
    collection: 'enrollments',
    record: createEnrollment(district, { sectionId, userId, role }),
    school: index,
    at,
  })
  const changeUser = (type: DistrictChange['type'], record: RosterUser): DistrictChange => ({
    type,
    collection: 'users',
    record,
    school,
    at,
  })
  const changeSection = (type: DistrictChange['type'], record: RosterSection): DistrictChange => ({
    type,
    collection: 'sections',
    record,
    school,
    at,
  })
  return {
    district,
    school,
    random,
    users,
    schoolId,
    pickStudent: () => pickSome(students),
    pickTwoStudents() {
      const first = random.int(students.length)
      return students.length < 2 ? [] : [students[first], students[(first + 1) % students.length]]
    },
    pickOtherSchool: () => (school + 1 + random.int(schools - 1)) % schools,
    pickSection(change) {
      const section = pickSome(listSchoolRecords(district, 'sections', school))
      return section ? change(section) : []
    },
    findOtherSection(index, except) {
      const others = listSchoolRecords(district, 'sections', index).filter(({ id }) => !except.has(id))
      return pickSome(others)?.id
    },
    listEnrollments,
    createUser: (user) => changeUser('created', user),
    updateUser: (user) => changeUser('updated', user),
    removeUser: (user) => [...removeEnrollments(user), changeUser('deleted', user)],
    enroll(user, index) {
      const sections = listSchoolRecords(district, 'sections', index)
      const first = random.int(Math.max(sections.length, 1))
      const picked = Array.from({ length: Math.min(CLASSES, sections.length) }, (_, step) => {
        return sections[(first + step) % sections.length]?.id ?? ''
      })
      return picked.map((sectionId) =>
        createOne(index, { sectionId, userId: user.id, role: 'student' }),
      )
    },
    createEnrollment: createOne,
    removeEnrollment,
    removeEnrollments,
    transfer: (index, { sectionId, role }, userId) => createOne(index, { sectionId, userId, role }),
    updateSection: (section) => changeSection('updated', section),
    removeSection(section) {
      const members = listSchoolRecords(district, 'enrollments', school)
        .filter(({ sectionId }) => sectionId === section.id)
        .map((record) => removeEnrollment({ school, record }))
      return [...members, changeSection('deleted', section)]
    },
    renameSchool() {
      const [record] = listSchoolRecords(district, 'schools', school)
      if (!record) return []
      const renamed = { ...record, name: `${record.name} (renamed)` }
      return [{ type: 'updated', collection: 'schools', record: renamed, school, at }]
    },
  }
}

// Somebody who has moved is still among the records of the first school.
function findSchools(
  user: RosterUser,
  {
    school,
    schools,
    schoolId,
  }: Pick<Drawing, 'school' | 'schoolId'> & { readonly schools: number },
): number[] {
  const ids = new Set(user.schoolIds)
  const present = Array.from({ length: schools }, (_, index) => index)
  return present.filter((index) => index === school || ids.has(schoolId(index)))
}
