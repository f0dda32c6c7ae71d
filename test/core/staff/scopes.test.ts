import { fc } from '../../support/properties.ts'
import {
  compactActions,
  jurisdictionActions,
  type StaffPermissions,
} from '../../../core/staff/permissions.ts'
import { listStaffScopes, type StaffRecord } from '../../../core/staff/scopes.ts'

const CODES = ['al', 'ky', 'oh'] as const

function record(compact: string, permissions: StaffPermissions): StaffRecord {
  return { compact, status: 'active', permissions }
}

function scopesOf(...records: StaffRecord[]): Set<string> {
  return new Set(listStaffScopes(records))
}

test.each<[string, StaffPermissions, string]>([
  [
    'write in one jurisdiction',
    { actions: [], jurisdictions: { al: ['write'] } },
    'profile aslp/readGeneral aslp/write aslp/al.write',
  ],
  [
    'write in one and admin in another',
    { actions: [], jurisdictions: { al: ['write'], oh: ['admin'] } },
    'profile aslp/readGeneral aslp/write aslp/admin aslp/al.write aslp/oh.admin',
  ],
  [
    'administration of the compact',
    { actions: ['admin'], jurisdictions: {} },
    'profile aslp/readGeneral aslp/admin aslp/aslp.admin',
  ],
  [
    'private reading of the compact',
    { actions: ['readPrivate'], jurisdictions: {} },
    'profile aslp/readGeneral aslp/aslp.readPrivate',
  ],
  [
    'SSNs of the compact and of a jurisdiction',
    { actions: ['readSSN'], jurisdictions: { ky: ['readSSN'] } },
    'profile aslp/readGeneral aslp/aslp.readSSN aslp/ky.readSSN',
  ],
  ['a record without permissions', { actions: [], jurisdictions: {} }, 'profile aslp/readGeneral'],
])('listStaffScopes() gives the scopes of %s', (_, permissions, scopes) => {
  expect(scopesOf(record('aslp', permissions))).toEqual(new Set(scopes.split(' ')))
})

test('listStaffScopes() gives a user without records the profile alone', () => {
  expect(listStaffScopes([])).toEqual(['profile'])
})

test('listStaffScopes() gives nothing for an inactive record', () => {
  const inactive = record('aslp', { actions: ['admin'], jurisdictions: {} })
  expect(scopesOf({ ...inactive, status: 'inactive' })).toEqual(new Set(['profile']))
})

test('listStaffScopes() gives none at all when one of the records cannot be understood', () => {
  const whole = record('aslp', { actions: ['admin'], jurisdictions: {} })
  const broken: StaffRecord = { compact: 'octp', status: 'active', permissions: undefined }
  expect(listStaffScopes([whole, broken])).toBeUndefined()
})

test('listStaffScopes() agrees with the table on every combination in three jurisdictions', () => {
  const width = compactActions.length + CODES.length * jurisdictionActions.length
  let mismatches = 0
  for (let bits = 0; bits < 2 ** width; bits += 1) {
    const permissions = permissionsOf(bits)
    const expected = [...oracle('aslp', permissions)].toSorted().join(' ')
    const given = (listStaffScopes([record('aslp', permissions)]) ?? []).toSorted().join(' ')
    if (given !== expected) mismatches += 1
  }
  expect(mismatches).toBe(0)
})

test('listStaffScopes() of two compacts is the union of each', () => {
  const bits = fc.nat({ max: 2 ** 15 - 1 })
  fc.assert(
    fc.property(bits, bits, (one, other) => {
      const [first, second] = [permissionsOf(one), permissionsOf(other)]
      const union = new Set([...oracle('aslp', first), ...oracle('octp', second)])
      expect(scopesOf(record('aslp', first), record('octp', second))).toEqual(union)
    }),
    { numRuns: 2_000 },
  )
})

// Each bit is one permission, in the order of the actions.
function permissionsOf(bits: number): StaffPermissions {
  let rest = bits
  const take = <A>(actions: readonly A[]): A[] =>
    actions.filter(() => {
      const isHeld = rest % 2 === 1
      rest = Math.floor(rest / 2)
      return isHeld
    })
  const actions = take(compactActions)
  const jurisdictions = CODES.map((code) => [code, take(jurisdictionActions)] as const)
  return {
    actions,
    jurisdictions: Object.fromEntries(jurisdictions.filter(([, held]) => held.length)),
  }
}

// The table of the scopes, permission by permission.
function oracle(compact: string, { actions, jurisdictions }: StaffPermissions): Set<string> {
  const scopes = new Set(['profile', `${compact}/readGeneral`])
  if (actions.includes('admin')) scopes.add(`${compact}/admin`).add(`${compact}/${compact}.admin`)
  if (actions.includes('readPrivate')) scopes.add(`${compact}/${compact}.readPrivate`)
  if (actions.includes('readSSN')) scopes.add(`${compact}/${compact}.readSSN`)
  for (const code of CODES) {
    const held = jurisdictions[code] ?? []
    if (held.includes('write')) scopes.add(`${compact}/write`).add(`${compact}/${code}.write`)
    if (held.includes('admin')) scopes.add(`${compact}/admin`).add(`${compact}/${code}.admin`)
    if (held.includes('readPrivate')) scopes.add(`${compact}/${code}.readPrivate`)
    if (held.includes('readSSN')) scopes.add(`${compact}/${code}.readSSN`)
  }
  return scopes
}
