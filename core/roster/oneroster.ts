import {
  dayOf,
  dropUnset,
  fieldsOf,
  hasNoDay,
  idOf,
  isFields,
  listOf,
  textOf,
  textsOf,
  toFault,
  type Fields,
  type RowReading,
} from './fields.ts'
import type { RosterCollection, RosterEntry, RosterUser } from './record.ts'

/** OneRoster's name of each collection, in the address and as the key of its answers. */
export const oneRosterNames = {
  schools: 'orgs',
  terms: 'academicSessions',
  courses: 'courses',
  sections: 'classes',
  users: 'users',
  enrollments: 'enrollments',
} as const satisfies Record<RosterCollection, string>

// OneRoster 1.0 said `inactive` of what 1.1 calls `tobedeleted`.
const GONE: ReadonlySet<string> = new Set(['tobedeleted', 'inactive'])

/**
 * What a row of OneRoster 1.1 or 1.2 says, whichever of the two its form is. Only what is named here
 * is taken. An organization that is no school comes to nothing.
 */
export function readOneRosterRow(collection: RosterCollection, row: unknown): RowReading {
  const fields = isFields(row) ? row : {}
  const id = idOf(fields, 'sourcedId')
  if (id === undefined) {
    return toFault(collection, id, {
      code: 'missing_id',
      message: 'The record has no sourcedId that can be kept',
    })
  }
  if (GONE.has((textOf(fields, 'status') ?? '').toLowerCase())) {
    return { entries: [{ op: 'remove', collection, id }] }
  }
  switch (collection) {
    case 'schools':
      return readSchool(fields, id)
    case 'terms':
      return readTerm(fields, id)
    case 'courses':
      return readCourse(fields, id)
    case 'sections':
      return readSection(fields, id)
    case 'users':
      return readUser(fields, id)
    case 'enrollments':
      return readEnrollment(fields, id)
    default:
      return collection satisfies never
  }
}

function put(entry: RosterEntry): RowReading {
  return { entries: [entry] }
}

function readSchool(fields: Fields, id: string): RowReading {
  if ((textOf(fields, 'type') ?? 'school').toLowerCase() !== 'school') return { entries: [] }
  const number = textOf(fields, 'identifier')
  const record = dropUnset({ id, name: textOf(fields, 'name') ?? id, number })
  return put({ op: 'put', collection: 'schools', record })
}

function readTerm(fields: Fields, id: string): RowReading {
  if (hasNoDay(fields, ['startDate', 'endDate'])) return invalidDate('terms', id)
  const record = dropUnset({
    id,
    name: textOf(fields, 'title') ?? id,
    beginDate: dayOf(fields, 'startDate'),
    endDate: dayOf(fields, 'endDate'),
  })
  return put({ op: 'put', collection: 'terms', record })
}

function readCourse(fields: Fields, id: string): RowReading {
  const number = textOf(fields, 'courseCode')
  const record = dropUnset({ id, name: textOf(fields, 'title') ?? number ?? id, number })
  return put({ op: 'put', collection: 'courses', record })
}

function readSection(fields: Fields, id: string): RowReading {
  const schoolId = referenceOf(fields, 'school')
  if (schoolId === undefined) {
    return toFault('sections', id, {
      code: 'missing_school',
      message: 'The class names no school',
    })
  }
  const record = dropUnset({
    id,
    name: textOf(fields, 'title') ?? textOf(fields, 'classCode') ?? id,
    schoolId,
    courseId: referenceOf(fields, 'course'),
    termIds: referencesOf(fields, 'terms'),
    grades: textsOf(fields, 'grades'),
    subject: textsOf(fields, 'subjects')[0],
    period: textsOf(fields, 'periods')[0] ?? textOf(fields, 'period'),
  })
  return put({ op: 'put', collection: 'sections', record })
}

function readEnrollment(fields: Fields, id: string): RowReading {
  const [userId, sectionId] = [referenceOf(fields, 'user'), referenceOf(fields, 'class')]
  if (userId === undefined || sectionId === undefined) {
    return toFault('enrollments', id, {
      code: 'missing_reference',
      message: 'The enrollment names no user or no class',
    })
  }
  if (hasNoDay(fields, ['beginDate', 'endDate'])) return invalidDate('enrollments', id)
  const role = textOf(fields, 'role')
  if (role === undefined) return missingRole('enrollments', id)
  const record = dropUnset({
    id,
    userId,
    sectionId,
    role,
    beginDate: dayOf(fields, 'beginDate'),
    endDate: dayOf(fields, 'endDate'),
  })
  return put({ op: 'put', collection: 'enrollments', record })
}

function readUser(fields: Fields, id: string): RowReading {
  const { roles, schoolIds } = readRoles(fields)
  if (roles.length === 0) return missingRole('users', id)
  const [givenName, familyName] = [textOf(fields, 'givenName'), textOf(fields, 'familyName')]
  if (givenName === undefined && familyName === undefined) {
    return toFault('users', id, { code: 'missing_name', message: 'The person has no name' })
  }
  const identifier = textOf(fields, 'identifier')
  const record: RosterUser = dropUnset({
    id,
    roles,
    givenName: givenName ?? '',
    middleName: textOf(fields, 'middleName'),
    familyName: familyName ?? '',
    email: textOf(fields, 'email'),
    districtUsername: textOf(fields, 'username'),
    sisId: identifier,
    number: identifier,
    grades: textsOf(fields, 'grades'),
    schoolIds,
    isEnabled: readFlag(fields['enabledUser']),
  })
  return put({ op: 'put', collection: 'users', record })
}

/** 1.2 has a list of roles, each in an organization; 1.1 has one role and a list of organizations. */
function readRoles(fields: Fields): Pick<RosterUser, 'roles' | 'schoolIds'> {
  const entries = listOf(fields, 'roles').filter(isFields)
  const isPrimary = (entry: Fields): boolean => textOf(entry, 'roleType') === 'primary'
  const ordered = [...entries.filter(isPrimary), ...entries.filter((entry) => !isPrimary(entry))]
  const names = ordered.flatMap((entry) => textOf(entry, 'role') ?? [])
  const role = names.length === 0 ? textOf(fields, 'role') : undefined
  const schoolIds = [
    referenceOf(fields, 'primaryOrg') ?? [],
    ordered.flatMap((entry) => referenceOf(entry, 'org') ?? []),
    referencesOf(fields, 'orgs'),
  ].flat()
  return {
    roles: [...new Set(role === undefined ? names : [role])].toSorted(),
    schoolIds: [...new Set(schoolIds)],
  }
}

/** The id in a reference; its `href` is never looked at. */
function referenceOf(fields: Fields, name: string): string | undefined {
  return idOf(fieldsOf(fields, name), 'sourcedId')
}

function referencesOf(fields: Fields, name: string): string[] {
  const ids = listOf(fields, name).flatMap((entry) =>
    isFields(entry) ? (idOf(entry, 'sourcedId') ?? []) : [],
  )
  return [...new Set(ids)]
}

/** `"true"` and `"false"` stand for the booleans in 1.1; what is not said is true. */
function readFlag(value: unknown): boolean {
  if (typeof value === 'string') return value.trim().toLowerCase() !== 'false'
  return value !== false
}

function invalidDate(entity: RosterCollection, id: string): RowReading {
  return toFault(entity, id, { code: 'invalid_date', message: 'A date of the record is no day' })
}

function missingRole(entity: RosterCollection, id: string): RowReading {
  return toFault(entity, id, { code: 'missing_role', message: 'The record has no role' })
}
