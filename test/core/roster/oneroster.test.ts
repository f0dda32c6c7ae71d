import { fc } from '../../support/properties.ts'
import type { RowReading } from '../../../core/roster/fields.ts'
import { readOneRosterRow } from '../../../core/roster/oneroster.ts'
import { rosterCollections } from '../../../core/roster/record.ts'

const user = { sourcedId: 'u|1/2 x', status: 'active', givenName: 'Ada', familyName: 'Chen' }
const enrollment = {
  sourcedId: 'e',
  user: { sourcedId: 'u' },
  class: { sourcedId: 'k' },
  role: 'student',
}

function faultOf(reading: RowReading): string | undefined {
  return 'fault' in reading ? reading.fault.code : undefined
}

function recordOf(reading: RowReading): unknown {
  const [first] = 'entries' in reading ? reading.entries : []
  return first?.op === 'put' ? first.record : undefined
}

test('readOneRosterRow() reads a person of 1.1 by role and organizations', () => {
  const row = {
    ...user,
    role: 'teacher',
    orgs: [{ sourcedId: 's1' }, { sourcedId: 's2' }],
    username: 'ada',
    identifier: 17,
    grades: ['05', '', null],
    enabledUser: 'false',
  }
  expect(recordOf(readOneRosterRow('users', row))).toEqual({
    id: 'u|1/2 x',
    roles: ['teacher'],
    givenName: 'Ada',
    familyName: 'Chen',
    districtUsername: 'ada',
    sisId: '17',
    number: '17',
    grades: ['05'],
    schoolIds: ['s1', 's2'],
    isEnabled: false,
  })
})

test('readOneRosterRow() reads a person of 1.2 by roles, the primary one first', () => {
  const roles = [
    { roleType: 'secondary', role: 'proctor', org: { sourcedId: 's2' } },
    { roleType: 'primary', role: 'teacher', org: { sourcedId: 's1' } },
    { roleType: 'secondary', role: 'teacher', org: { sourcedId: 's3' } },
  ]
  expect(recordOf(readOneRosterRow('users', { ...user, roles }))).toMatchObject({
    roles: ['proctor', 'teacher'],
    schoolIds: ['s1', 's2', 's3'],
  })
  const primaryOrg = { sourcedId: 's3' }
  expect(recordOf(readOneRosterRow('users', { ...user, roles, primaryOrg }))).toMatchObject({
    schoolIds: ['s3', 's1', 's2'],
  })
})

test.each([
  ['false', false],
  ['FALSE', false],
  [false, false],
  ['true', true],
  [true, true],
  ['', true],
  [null, true],
  [undefined, true],
])('readOneRosterRow() takes enabledUser %j as %s', (enabledUser, isEnabled) => {
  const row = { ...user, role: 'student', enabledUser }
  expect(recordOf(readOneRosterRow('users', row))).toMatchObject({ isEnabled })
})

test.each(['tobedeleted', 'ToBeDeleted', 'inactive'])(
  'readOneRosterRow() removes a record of status %s, whatever else it lacks',
  (status) => {
    expect(readOneRosterRow('enrollments', { sourcedId: 'e/1', status })).toEqual({
      entries: [{ op: 'remove', collection: 'enrollments', id: 'e/1' }],
    })
  },
)

test.each([
  ['users', { ...user, sourcedId: '' }, 'missing_id'],
  ['users', { ...user, sourcedId: 'a\0b' }, 'missing_id'],
  ['users', { ...user, sourcedId: '\ud800' }, 'missing_id'],
  ['users', { ...user, sourcedId: 'x'.repeat(301) }, 'missing_id'],
  ['users', [], 'missing_id'],
  ['users', user, 'missing_role'],
  ['users', { sourcedId: 'u', role: 'student' }, 'missing_name'],
  ['sections', { sourcedId: 'k', title: 'K' }, 'missing_school'],
  ['enrollments', { ...enrollment, user: {} }, 'missing_reference'],
  ['enrollments', { ...enrollment, class: 'k' }, 'missing_reference'],
  ['enrollments', { ...enrollment, role: ' ' }, 'missing_role'],
  ['enrollments', { ...enrollment, endDate: '2026-13-01' }, 'invalid_date'],
  ['terms', { sourcedId: 't', startDate: '1/2/2026' }, 'invalid_date'],
] as const)('readOneRosterRow() of %s %j is a fault %3$s', (collection, row, code) => {
  expect(faultOf(readOneRosterRow(collection, row))).toBe(code)
})

test('readOneRosterRow() leaves out of names what no database can keep', () => {
  const row = { ...user, role: 'student', givenName: 'A\0d\ud800a', familyName: 'Chén 😀' }
  expect(recordOf(readOneRosterRow('users', row))).toMatchObject({
    givenName: 'A\uFFFDd\uFFFDa',
    familyName: 'Chén 😀',
  })
})

test('readOneRosterRow() keeps the days of an enrollment, of dates and of times', () => {
  const row = { ...enrollment, beginDate: '2026-08-15', endDate: '2027-06-01T00:00:00.000Z' }
  expect(recordOf(readOneRosterRow('enrollments', row))).toEqual({
    id: 'e',
    userId: 'u',
    sectionId: 'k',
    role: 'student',
    beginDate: '2026-08-15',
    endDate: '2027-06-01',
  })
})

test.each(['district', 'department', 'state', 'District'])(
  'readOneRosterRow() takes an organization of type %s for no school',
  (type) => {
    const row = { sourcedId: 'o', name: 'O', type }
    expect(readOneRosterRow('schools', row)).toEqual({ entries: [] })
  },
)

test('readOneRosterRow() takes any JSON without throwing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...rosterCollections), (value, collection) => {
      expect(readOneRosterRow(collection, value)).toBeDefined()
      const odd = { sourcedId: 'x', roles: value, orgs: value, user: value, class: value }
      readOneRosterRow(collection, { ...odd, school: value, terms: value, grades: value })
    }),
  )
})
