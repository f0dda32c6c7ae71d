import { mapPerson } from '../../../core/roster/person.ts'
import type { RosterUser } from '../../../core/roster/record.ts'
import { createExternalIdPrefix, type RosterRules } from '../../../core/roster/rules.ts'

const rules: RosterRules = {
  externalIdPrefix: 'clever:',
  organization: 'Spring Valley',
  userName: ['email', 'districtUsername', 'sisId@district.example'],
  onCollision: 'suffix',
}
const student: RosterUser = {
  id: 'u1',
  roles: ['student'],
  givenName: 'Ada',
  familyName: 'Lovelace',
  email: 'ada@district.example',
  districtUsername: 'ada.l',
  sisId: '4711',
  number: '12',
  grades: ['05'],
  schoolIds: ['s1'],
  isEnabled: true,
}

test('mapPerson() writes a person as the target is told', () => {
  expect(mapPerson(student, rules)).toEqual({
    userName: 'ada@district.example',
    isWanted: true,
    person: {
      externalId: 'clever:u1',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      displayName: 'Ada Lovelace',
      emails: [{ value: 'ada@district.example', primary: true }],
      active: true,
      userType: 'student',
      roles: [{ value: 'student' }],
      enterprise: { employeeNumber: '12', organization: 'Spring Valley' },
    },
  })
})

test('mapPerson() writes the department of staff', () => {
  const staff = { ...student, roles: ['staff'], department: 'Science' }
  expect(mapPerson(staff, rules).person.enterprise).toMatchObject({ department: 'Science' })
})

test.each([
  [{ email: 'no address' }, 'ada.l'],
  [{ email: '', districtUsername: undefined }, '4711@district.example'],
  [{ email: undefined, districtUsername: '', sisId: undefined }, undefined],
])('mapPerson() takes the first source that names somebody: %j', (change, userName) => {
  const { email, districtUsername, sisId, ...rest } = { ...student, ...change }
  const user = {
    ...rest,
    ...(email !== undefined && { email }),
    ...(districtUsername !== undefined && { districtUsername }),
    ...(sisId !== undefined && { sisId }),
  }
  const mapped = mapPerson(user, rules)
  expect(mapped.userName).toBe(userName)
  expect(mapped.person.emails).toEqual([])
})

test.each([
  [['contact'], undefined, false],
  [['guardian', 'parent'], undefined, false],
  [['parent', 'teacher'], undefined, true],
  [['contact'], ['contact'], true],
  [['student'], ['teacher'], false],
])('of the roles %j, where %j are asked for, an account: %s', (roles, wanted, isWanted) => {
  expect(mapPerson({ ...student, roles }, { ...rules, roles: wanted }).isWanted).toBe(isWanted)
})

test('whoever is not enabled gets no account', () => {
  expect(mapPerson({ ...student, isEnabled: false }, rules).isWanted).toBe(false)
})

test('an external id is one of its kind, and within the tenant where the source is so', () => {
  expect(createExternalIdPrefix({ kind: 'clever', tenant: 't' })).toBe('clever:')
  expect(createExternalIdPrefix({ kind: 'classlink', tenant: 't' })).toBe('classlink:t:')
  expect(createExternalIdPrefix({ kind: 'oneroster', tenant: 't', prefix: 'n.' })).toBe(
    'n.oneroster:t:',
  )
})
