import type { RosterEnrollment, RosterEntry, RosterUser } from '../../core/roster/record.ts'

/** What a school system says of one record. */
export type Put = Omit<Extract<RosterEntry, { readonly op: 'put' }>, 'op'>

/** A school. */
export function school(id: string, name = `School ${id}`): Put {
  return { collection: 'schools', record: { id, name } }
}

/** A section of a school. */
export function section(id: string, schoolId: string, name = `Section ${id}`): Put {
  return { collection: 'sections', record: { id, name, schoolId, termIds: [], grades: [] } }
}

/** A student of a school, unless said otherwise. */
export function user(id: string, schoolId: string, change: Partial<RosterUser> = {}): Put {
  const record: RosterUser = {
    id,
    roles: ['student'],
    givenName: 'Ada',
    familyName: `Person ${id}`,
    email: `${id}@district.example`,
    grades: ['05'],
    schoolIds: [schoolId],
    isEnabled: true,
    ...change,
  }
  return { collection: 'users', record }
}

/** An enrollment of a person in a section. */
export function enrollment(
  userId: string,
  sectionId: string,
  change: Partial<RosterEnrollment> = {},
): Put {
  const id = `${sectionId}:${userId}`
  return {
    collection: 'enrollments',
    record: { id, userId, sectionId, role: 'student', ...change },
  }
}

/** Two schools with two sections each, and people in them. */
export function twoSchools({ people = 10 }: { readonly people?: number } = {}): Put[] {
  return ['north', 'south'].flatMap((id) => {
    const names = Array.from({ length: people }, (_, index) => `${id}-${index + 1}`)
    return [
      school(id),
      section(`${id}-1`, id),
      section(`${id}-2`, id),
      ...names.flatMap((name, index) => [
        user(name, id),
        enrollment(name, `${id}-${1 + ((index + 1) % 2)}`),
      ]),
    ]
  })
}
