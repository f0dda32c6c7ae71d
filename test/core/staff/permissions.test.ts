import {
  changePermissions,
  formatPermissions,
  noPermissions,
  parsePermissions,
  permissionsChange,
} from '../../../core/staff/permissions.ts'

test('changePermissions() grants with true, revokes with false and keeps what is not named', () => {
  const before = {
    actions: ['admin', 'readSSN'],
    jurisdictions: { al: ['write', 'admin'], oh: ['write'] },
  } as const
  const after = changePermissions(before, {
    actions: { admin: false, readPrivate: true },
    jurisdictions: { al: { actions: { write: false } }, oh: { actions: { write: false } } },
  })
  expect(after).toEqual({
    actions: ['readPrivate', 'readSSN'],
    jurisdictions: { al: ['admin'] },
  })
})

test('changePermissions() revokes what nobody holds without a trace', () => {
  const change = { jurisdictions: { ky: { actions: { admin: false } } } }
  expect(changePermissions(noPermissions, change)).toEqual(noPermissions)
})

test.each<[string, unknown]>([
  ['an action that compacts do not have', { actions: { write: true } }],
  ['an unknown jurisdiction', { jurisdictions: { zz: { actions: { write: true } } } }],
  ['an unknown action of a jurisdiction', { jurisdictions: { oh: { actions: { fly: true } } } }],
  ['a flag that is none', { actions: { admin: 'yes' } }],
  ['an unknown member', { roles: [] }],
])('permissionsChange refuses %s', (_, change) => {
  expect(permissionsChange.safeParse(change).success).toBe(false)
})

test.each<[string, unknown]>([
  ['nothing', null],
  ['an action of no compact', { actions: ['write'], jurisdictions: {} }],
  ['an unknown jurisdiction', { actions: [], jurisdictions: { zz: ['write'] } }],
  ['flags where a list should be', { actions: { admin: true }, jurisdictions: {} }],
])('parsePermissions() understands no record that holds %s', (_, stored) => {
  expect(parsePermissions(stored)).toBeUndefined()
})

test('formatPermissions() shows what is held as true', () => {
  const permissions = { actions: ['admin'], jurisdictions: { oh: ['write'] } } as const
  expect(formatPermissions(permissions)).toEqual({
    actions: { admin: true },
    jurisdictions: { oh: { actions: { write: true } } },
  })
})
