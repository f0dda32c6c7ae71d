import type { RosterRecord, RosterUser } from '../roster/record.ts'
import { listSchoolRecords, type District, type DistrictChange } from './district.ts'
import { createTerms } from './district-catalogue.ts'
import { formatGrade } from './district-person.ts'
import {
  assignUsers,
  countSchools,
  createSchoolId,
  createSchoolSections,
} from './district-school.ts'

const LAST_GRADE = 12
const TERMS = 2

/**
 * The changes with which the next school year begins: new terms and sections, everybody a grade
 * further and in new classes; who was in the last grade leaves.
 */
export function rollOver(district: District, at: string): DistrictChange[] {
  const year = findYear(district) + 1
  const next: District = { ...district, year }
  const schools = Array.from({ length: countSchools(district) }, (_, school) => school)
  const people = schools.map((school) => listSchoolRecords(district, 'users', school))
  const promoted = people.map((users) => users.map((user) => promote(district, user)))
  const staying = promoted.flatMap((users) => users.flatMap((user) => user ?? []))
  const change = (
    type: DistrictChange['type'],
    entry: RosterRecord,
    school?: number,
  ): DistrictChange => ({ ...entry, type, school, at })
  return [
    ...createTerms(district, year).map((entry) => change('created', entry)),
    ...schools.flatMap((school) => [
      ...listSchoolRecords(district, 'enrollments', school).map((record) =>
        change('deleted', { collection: 'enrollments', record }, school),
      ),
      ...listSchoolRecords(district, 'sections', school).map((record) =>
        change('deleted', { collection: 'sections', record }, school),
      ),
      ...(people[school] ?? []).flatMap((before, index) => {
        const after = promoted[school]?.[index]
        if (after === before) return []
        const entry = { collection: 'users', record: after ?? before } as const
        return [change(after ? 'updated' : 'deleted', entry, school)]
      }),
      ...createSchoolSections(district, school, year).map((record) =>
        change('created', { collection: 'sections', record }, school),
      ),
      ...assignUsers(next, { school, year, users: listPupils(district, school, staying) }).map(
        (record) => change('created', { collection: 'enrollments', record }, school),
      ),
    ]),
  ]
}

function listPupils(
  district: District,
  school: number,
  users: readonly RosterUser[],
): RosterUser[] {
  const id = createSchoolId(district, school)
  return users.filter(({ schoolIds }) => schoolIds[0] === id)
}

function findYear({ year, changes }: District): number {
  const terms = changes.filter(({ collection }) => collection === 'terms')
  return year + terms.length / TERMS
}

function promote(district: District, user: RosterUser): RosterUser | undefined {
  const [grade] = user.grades
  if (grade === undefined) return user
  const number = Number.isNaN(Number(grade)) ? 0 : Number(grade)
  if (number === LAST_GRADE) return undefined
  return { ...user, grades: [formatGrade(district.kind, number + 1)] }
}
