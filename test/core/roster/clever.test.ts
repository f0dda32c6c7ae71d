import { fc } from '../../support/properties.ts'
import { findMainCleverRole, readCleverEvent, readCleverRow } from '../../../core/roster/clever.ts'
import type { RowReading } from '../../../core/roster/fields.ts'

const user = {
  id: '54',
  name: { first: 'Ada', middle: '', last: 'Chen' },
  roles: { student: { school: 's1', schools: ['s2', 's1'], grade: '5', sis_id: '7' } },
}

function faultOf(reading: RowReading): string | undefined {
  return 'fault' in reading ? reading.fault.code : undefined
}

function firstOf(reading: RowReading): unknown {
  return 'entries' in reading ? reading.entries[0] : undefined
}

test.each([
  ['with its envelope', { data: user }],
  ['without it', user],
])('readCleverRow() reads a person %s', (_, row) => {
  expect(readCleverRow('users', row)).toEqual({
    entries: [
      {
        op: 'put',
        collection: 'users',
        record: {
          id: '54',
          roles: ['student'],
          givenName: 'Ada',
          familyName: 'Chen',
          sisId: '7',
          grades: ['5'],
          schoolIds: ['s1', 's2'],
          isEnabled: true,
        },
      },
    ],
  })
})

test('readCleverRow() joins what the roles of one employee say', () => {
  const roles = {
    staff: { school: 's2', sis_id: '2', staff_id: '22', department: 'Science' },
    teacher: {
      school: 's1',
      sis_id: '1',
      credentials: { district_username: ' ada ' },
      teacher_number: 3,
    },
  }
  expect(firstOf(readCleverRow('users', { ...user, roles, email: 'Ada at home' }))).toMatchObject({
    record: {
      roles: ['staff', 'teacher'],
      schoolIds: ['s1', 's2'],
      sisId: '1',
      number: '3',
      department: 'Science',
      districtUsername: 'ada',
      email: 'Ada at home',
    },
  })
  expect(findMainCleverRole({ data: { ...user, roles } })).toBe('teacher')
})

test.each([
  ['users', {}, 'missing_id'],
  ['users', null, 'missing_id'],
  ['users', { ...user, id: ' ' }, 'missing_id'],
  ['users', { ...user, roles: {} }, 'missing_role'],
  ['users', { ...user, roles: { principal: {} } }, 'missing_role'],
  ['users', { ...user, roles: { student: {}, contact: {} } }, 'mixed_roles'],
  ['users', { ...user, roles: { contact: {}, teacher: {} } }, 'mixed_roles'],
  ['users', { ...user, name: {} }, 'missing_name'],
  ['sections', { id: 'k' }, 'missing_school'],
  ['terms', { id: 't', start_date: '2026-02-30' }, 'invalid_date'],
  ['terms', { id: 't', end_date: 'soon' }, 'invalid_date'],
] as const)('readCleverRow() of %s %j is a fault %3$s', (collection, row, code) => {
  expect(faultOf(readCleverRow(collection, row))).toBe(code)
})

test('readCleverRow() gives a section with its members, each once in a role', () => {
  const row = {
    id: 'k',
    school: 's',
    teacher: 't1',
    teachers: ['t2', 't1'],
    students: ['u1', 'u1', null, 'u2'],
    term_id: 'x',
    grade: '5',
  }
  const reading = readCleverRow('sections', row)
  expect(firstOf(reading)).toEqual({
    op: 'put',
    collection: 'sections',
    record: { id: 'k', name: 'k', schoolId: 's', termIds: ['x'], grades: ['5'] },
  })
  const members = 'entries' in reading ? reading.entries.slice(1) : []
  expect(members.map((entry) => (entry.op === 'put' ? entry.record.id : ''))).toEqual([
    'k:t1:teacher',
    'k:t2:teacher',
    'k:u1:student',
    'k:u2:student',
  ])
})

test('readCleverEvent() replaces the members of a section as a set', () => {
  const object = { id: 'k', school: 's', students: ['u1'] }
  const event = { data: { id: 'e', type: 'sections.updated', created: 'x', data: { object } } }
  const reading = readCleverEvent(event)
  expect('entries' in reading && reading.entries.map(({ op }) => op)).toEqual([
    'clear-enrollments',
    'put',
    'put',
  ])
})

test.each([
  ['users.deleted', [{ op: 'remove', collection: 'users', id: 'x' }]],
  [
    'sections.deleted',
    [
      { op: 'clear-enrollments', sectionId: 'x' },
      { op: 'remove', collection: 'sections', id: 'x' },
    ],
  ],
  ['districts.updated', []],
  ['nonsense', []],
])('readCleverEvent() makes of %s what it says', (type, entries) => {
  const event = { id: 'e', type, data: { object: { id: 'x' } } }
  expect(readCleverEvent({ data: event })).toEqual({ entries })
})

test('readCleverRow() and readCleverEvent() take any JSON without throwing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('users', 'sections', 'terms'), (value, name) => {
      expect(readCleverRow(name as 'users' | 'sections' | 'terms', value)).toBeDefined()
      readCleverEvent(value)
      readCleverRow('users', { id: 'u', name: value, roles: value })
      readCleverEvent({ id: 'e', type: `${name}.updated`, data: value })
    }),
  )
})
