import {
  dayOf,
  dropUnset,
  fieldsOf,
  hasNoDay,
  idOf,
  isFields,
  isId,
  listOf,
  textOf,
  toFault,
  type Fields,
  type RowReading,
} from './fields.ts'
import type { RosterCollection, RosterEntry } from './record.ts'

/** The collections that Clever has as such; enrollments are members of its sections. */
export type CleverCollection = Exclude<RosterCollection, 'enrollments'>

/** The roles of Clever's people, in the order in which a pull reads them. */
export const cleverRoles = ['student', 'teacher', 'staff', 'district_admin', 'contact'] as const
export type CleverRole = (typeof cleverRoles)[number]

/** Roles that nobody has together with another one. */
const EXCLUSIVE: readonly string[] = ['student', 'contact']

/**
 * What a row of Clever's Data API v3.0 or v3.1 says, with or without its envelope `{"data": {…}}`.
 * Only what is named here is taken.
 */
export function readCleverRow(collection: CleverCollection, row: unknown): RowReading {
  const fields = unwrap(row)
  const id = idOf(fields, 'id')
  if (id === undefined) {
    return toFault(collection, id, {
      code: 'missing_id',
      message: 'The record has no id that can be kept',
    })
  }
  switch (collection) {
    case 'schools':
      return put(toSchool(fields, id))
    case 'terms':
      return readTerm(fields, id)
    case 'courses':
      return put(toCourse(fields, id))
    case 'sections':
      return readSection(fields, id)
    case 'users':
      return readUser(fields, id)
    default:
      return collection satisfies never
  }
}

/** The role whose list a person is taken from when they stand in those of several. */
export function findMainCleverRole(row: unknown): CleverRole | undefined {
  const roles = fieldsOf(unwrap(row), 'roles')
  return cleverRoles.find((role) => isFields(roles[role]))
}

/**
 * What an event says: the object is now this, or is gone. A section's enrollments are cleared first,
 * as it carries all of them. Events of other kinds say nothing.
 */
export function readCleverEvent(row: unknown): RowReading {
  const event = unwrap(row)
  const [name, verb] = (textOf(event, 'type') ?? '').split('.')
  const collection = collectionsOfEvents.get(name ?? '')
  if (collection === undefined) return { entries: [] }
  const object = unwrap(fieldsOf(fieldsOf(event, 'data'), 'object'))
  if (verb !== 'deleted') return withClear(collection, readCleverRow(collection, object))
  const id = idOf(object, 'id')
  if (id === undefined) {
    return toFault(collection, id, { code: 'missing_id', message: 'The event names no record' })
  }
  const clear: RosterEntry[] =
    collection === 'sections' ? [{ op: 'clear-enrollments', sectionId: id }] : []
  return { entries: [...clear, { op: 'remove', collection, id }] }
}

/** The object in an envelope `{"data": {…}}`, or the value itself; an empty object for no object. */
export function unwrap(value: unknown): Fields {
  if (!isFields(value)) return {}
  // An event has an id beside its data.
  const inner = value['id'] === undefined ? value['data'] : undefined
  return isFields(inner) ? inner : value
}

const collectionsOfEvents: ReadonlyMap<string, CleverCollection> = new Map([
  ['schools', 'schools'],
  ['terms', 'terms'],
  ['courses', 'courses'],
  ['sections', 'sections'],
  ['users', 'users'],
])

function put(entry: RosterEntry): RowReading {
  return { entries: [entry] }
}

function withClear(collection: CleverCollection, reading: RowReading): RowReading {
  const [first] = 'entries' in reading ? reading.entries : []
  if (first?.op !== 'put' || first.collection !== 'sections' || collection !== 'sections') {
    return reading
  }
  const clear: RosterEntry = { op: 'clear-enrollments', sectionId: first.record.id }
  return 'entries' in reading ? { entries: [clear, ...reading.entries] } : reading
}

function toSchool(fields: Fields, id: string): RosterEntry {
  const number = textOf(fields, 'school_number') ?? textOf(fields, 'sis_id')
  const record = dropUnset({ id, name: textOf(fields, 'name') ?? id, number })
  return { op: 'put', collection: 'schools', record }
}

function toCourse(fields: Fields, id: string): RosterEntry {
  const number = textOf(fields, 'number')
  const record = dropUnset({ id, name: textOf(fields, 'name') ?? number ?? id, number })
  return { op: 'put', collection: 'courses', record }
}

function readTerm(fields: Fields, id: string): RowReading {
  if (hasNoDay(fields, ['start_date', 'end_date'])) {
    return toFault('terms', id, { code: 'invalid_date', message: 'A date of the term is no day' })
  }
  const record = dropUnset({
    id,
    name: textOf(fields, 'name') ?? id,
    beginDate: dayOf(fields, 'start_date'),
    endDate: dayOf(fields, 'end_date'),
  })
  return put({ op: 'put', collection: 'terms', record })
}

function readSection(fields: Fields, id: string): RowReading {
  const schoolId = idOf(fields, 'school')
  if (schoolId === undefined) {
    return toFault('sections', id, {
      code: 'missing_school',
      message: 'The section names no school',
    })
  }
  const grade = textOf(fields, 'grade')
  const record = dropUnset({
    id,
    name: textOf(fields, 'name') ?? id,
    schoolId,
    courseId: idOf(fields, 'course'),
    termIds: [idOf(fields, 'term_id') ?? []].flat(),
    grades: grade === undefined ? [] : [grade],
    subject: textOf(fields, 'subject'),
    period: textOf(fields, 'period'),
  })
  return {
    entries: [{ op: 'put', collection: 'sections', record }, ...listEnrollments(fields, id)],
  }
}

function listEnrollments(fields: Fields, sectionId: string): RosterEntry[] {
  // The main teacher is among the teachers, where a district has those.
  const main = idOf(fields, 'teacher')
  const teachers = new Set([...(main === undefined ? [] : [main]), ...listIds(fields, 'teachers')])
  return [
    ...[...teachers].map((userId) => toEnrollment(sectionId, userId, 'teacher')),
    ...[...new Set(listIds(fields, 'students'))].map((userId) =>
      toEnrollment(sectionId, userId, 'student'),
    ),
  ]
}

function listIds(fields: Fields, name: string): string[] {
  return listOf(fields, name).filter(isId)
}

function toEnrollment(sectionId: string, userId: string, role: string): RosterEntry {
  const id = `${sectionId}:${userId}:${role}`
  return { op: 'put', collection: 'enrollments', record: { id, userId, sectionId, role } }
}

function readUser(fields: Fields, id: string): RowReading {
  const held = fieldsOf(fields, 'roles')
  const roles = cleverRoles.filter((role) => isFields(held[role]))
  const fault = findUserFault(roles, fieldsOf(fields, 'name'))
  if (fault) return toFault('users', id, fault)
  return put({
    op: 'put',
    collection: 'users',
    record: {
      id,
      ...toPerson(
        fields,
        roles.map((role) => fieldsOf(held, role)),
      ),
      roles: roles.toSorted(),
      isEnabled: true,
    },
  })
}

function findUserFault(
  roles: readonly CleverRole[],
  name: Fields,
): { readonly code: string; readonly message: string } | undefined {
  if (roles.length === 0) return { code: 'missing_role', message: 'The person has no known role' }
  if (roles.length > 1 && roles.some((role) => EXCLUSIVE.includes(role))) {
    return { code: 'mixed_roles', message: 'A student or contact has no other role' }
  }
  if (textOf(name, 'first') === undefined && textOf(name, 'last') === undefined) {
    return { code: 'missing_name', message: 'The person has no name' }
  }
  return undefined
}

type Person = Omit<
  Extract<RosterEntry, { readonly op: 'put'; readonly collection: 'users' }>['record'],
  'id' | 'roles' | 'isEnabled'
>

function toPerson(fields: Fields, roles: readonly Fields[]): Person {
  const name = fieldsOf(fields, 'name')
  const first = (pick: (role: Fields) => string | undefined): string | undefined =>
    roles.map(pick).find((text) => text !== undefined)
  const grades = roles.flatMap((role) => textOf(role, 'grade') ?? [])
  const schoolIds = roles.flatMap((role) => [
    ...[idOf(role, 'school') ?? []].flat(),
    ...listIds(role, 'schools'),
  ])
  return dropUnset({
    givenName: textOf(name, 'first') ?? '',
    middleName: textOf(name, 'middle'),
    familyName: textOf(name, 'last') ?? '',
    email: textOf(fields, 'email'),
    districtUsername: first((role) => textOf(fieldsOf(role, 'credentials'), 'district_username')),
    sisId: first((role) => textOf(role, 'sis_id')),
    number: first(findNumber),
    department: first((role) => textOf(role, 'department')),
    grades: [...new Set(grades)],
    schoolIds: [...new Set(schoolIds)],
  })
}

function findNumber(role: Fields): string | undefined {
  return (
    textOf(role, 'student_number') ?? textOf(role, 'teacher_number') ?? textOf(role, 'staff_id')
  )
}
