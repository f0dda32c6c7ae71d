import type { RosterEnrollment, RosterSchool, RosterSection, RosterUser } from '../roster/record.ts'
import { listSchoolRecords, type District, type DistrictChange } from './district.ts'
import { countSchools, createEnrollment, createSchoolId } from './district-school.ts'

/** An enrollment, and whose records it is among: those of its section's school. */
export type Held = { readonly school: number; readonly record: RosterEnrollment }
type Ends = Pick<RosterEnrollment, 'sectionId' | 'userId' | 'role'>
type Type = DistrictChange['type']

/** The changes of which mutations are made, of records of one school. */
export type Changes = {
  readonly listEnrollments: (user: RosterUser) => Held[]
  readonly user: (type: Type, record: RosterUser) => DistrictChange
  /** Enrollments first. */
  readonly removeUser: (user: RosterUser) => DistrictChange[]
  readonly createEnrollment: (school: number, ends: Ends) => DistrictChange
  readonly removeEnrollment: (held: Held) => DistrictChange
  readonly removeEnrollments: (user: RosterUser) => DistrictChange[]
  readonly updateSection: (section: RosterSection) => DistrictChange
  /** Enrollments first. */
  readonly removeSection: (section: RosterSection) => DistrictChange[]
  readonly updateSchool: (school: RosterSchool) => DistrictChange
}

type Situation = { readonly district: District; readonly school: number; readonly at: string }

/** Makes changes of records of a school, all at one time. */
export function createChanges(situation: Situation): Changes {
  const { district, school, at } = situation
  const removeEnrollment = (held: Held): DistrictChange => ({
    type: 'deleted',
    collection: 'enrollments',
    ...held,
    at,
  })
  const bySchool = new Map<number, ReadonlyMap<string, readonly RosterEnrollment[]>>()
  const listEnrollments = (user: RosterUser): Held[] =>
    listSchoolsOf(situation, user).flatMap((index) => {
      const byUser = bySchool.get(index) ?? groupByUser(district, index)
      bySchool.set(index, byUser)
      return (byUser.get(user.id) ?? []).map((record) => ({ school: index, record }))
    })
  const removeEnrollments = (user: RosterUser): DistrictChange[] =>
    listEnrollments(user).map(removeEnrollment)
  const user = (type: Type, record: RosterUser): DistrictChange => ({
    type,
    collection: 'users',
    record,
    school,
    at,
  })
  return {
    listEnrollments,
    user,
    removeUser: (record) => [...removeEnrollments(record), user('deleted', record)],
    createEnrollment: (index, { sectionId, userId, role }) => ({
      type: 'created',
      collection: 'enrollments',
      record: createEnrollment(district, { sectionId, userId, role }),
      school: index,
      at,
    }),
    removeEnrollment,
    removeEnrollments,
    updateSection: (record) => ({ type: 'updated', collection: 'sections', record, school, at }),
    removeSection(record) {
      const members = listSchoolRecords(district, 'enrollments', school)
        .filter(({ sectionId }) => sectionId === record.id)
        .map((member) => removeEnrollment({ school, record: member }))
      return [...members, { type: 'deleted', collection: 'sections', record, school, at }]
    },
    updateSchool: (record) => ({ type: 'updated', collection: 'schools', record, school, at }),
  }
}

// Somebody who has moved is still among the records of the first school.
function listSchoolsOf({ district, school }: Situation, { schoolIds }: RosterUser): number[] {
  const ids = new Set(schoolIds)
  const all = Array.from({ length: countSchools(district) }, (_, index) => index)
  return all.filter((index) => index === school || ids.has(createSchoolId(district, index)))
}

function groupByUser(district: District, school: number): Map<string, RosterEnrollment[]> {
  const groups = new Map<string, RosterEnrollment[]>()
  for (const record of listSchoolRecords(district, 'enrollments', school)) {
    const group = groups.get(record.userId)
    if (group) group.push(record)
    else groups.set(record.userId, [record])
  }
  return groups
}
