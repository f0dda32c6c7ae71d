import { fc } from '../../support/properties.ts'
import { personFields, type PersonField } from '../../../core/roster/person-diff.ts'
import {
  comparePage,
  learnKeptFields,
  listMissing,
  type AppliedPerson,
  type Drift,
} from '../../../core/roster/reconcile.ts'
import type { ScimPerson, TargetPerson } from '../../../core/roster/target.ts'
import { testPerson } from '../../support/scim.ts'

const applied = (number: number, rest: Partial<AppliedPerson> = {}): AppliedPerson => ({
  id: `p${number}`,
  scimId: `s${number}`,
  person: testPerson(number),
  ...rest,
})
const account = (number: number, person: Partial<ScimPerson> = {}): TargetPerson => {
  const held = { ...testPerson(number), ...person }
  return {
    scimId: `s${number}`,
    externalId: held.externalId,
    userName: held.userName,
    active: held.active,
    entitlements: [],
    person: held,
  }
}
const compare = (
  people: readonly TargetPerson[],
  wanted: readonly AppliedPerson[],
  kept: ReadonlySet<PersonField> = new Set(personFields),
): Drift[] => comparePage({ people, applied: wanted, kept, ownPrefix: 'clever:' })

test('comparePage() finds nothing where all is as it was applied', () => {
  expect(compare([account(1), account(2)], [applied(2), applied(1)])).toEqual([])
})

test('comparePage() names the fields that differ', () => {
  const changed = account(1, {
    displayName: 'Else',
    name: { givenName: 'Given1', familyName: 'Else' },
    enterprise: { employeeNumber: '2', organization: 'Spring Valley' },
    roles: [],
  })
  expect(compare([changed], [applied(1)])).toEqual([
    {
      id: 'p1',
      kind: 'differs',
      fields: ['name.familyName', 'displayName', 'roles', 'enterprise.employeeNumber'],
    },
  ])
})

test('comparePage() tells who is not active although they should be', () => {
  expect(compare([account(1, { active: false })], [applied(1)])).toEqual([
    { id: 'p1', kind: 'inactive', fields: ['active'] },
  ])
  const leaver = applied(1, { person: testPerson(1, { active: false }) })
  expect(compare([account(1)], [leaver])).toEqual([
    { id: 'p1', kind: 'differs', fields: ['active'] },
  ])
})

test('comparePage() takes the case of names and e-mails for no difference', () => {
  const lower = account(1, {
    userName: 'person1@district.example',
    emails: [{ value: 'PERSON1@district.example', primary: true }],
  })
  expect(compare([lower], [applied(1)])).toEqual([])
  const named = account(1, { displayName: 'given1 family1' })
  expect(compare([named], [applied(1)])).toMatchObject([{ fields: ['displayName'] }])
})

test('comparePage() leaves out what nobody of the target has', () => {
  const strip = ({ person, ...rest }: TargetPerson): TargetPerson => {
    const { enterprise: _enterprise, userType: _userType, ...held } = person
    return { ...rest, person: held }
  }
  const people = [strip(account(1)), strip(account(2))]
  const kept = learnKeptFields(new Set(), people)
  expect(kept.has('enterprise.employeeNumber')).toBe(false)
  expect(compare(people, [applied(1), applied(2)], kept)).toEqual([])
  // Once somebody has it, those who do not are different.
  const more = learnKeptFields(kept, [account(3)])
  expect(compare(people.slice(0, 1), [applied(1)], more)).toMatchObject([{ kind: 'differs' }])
})

test('comparePage() reports only accounts of ours that were not applied', () => {
  const others = [
    account(1),
    account(2, { externalId: 'hr:2' }),
    account(3, { active: false }),
    { ...account(4), externalId: undefined } as unknown as TargetPerson, // what a target leaves out
  ]
  expect(compare(others, [])).toEqual([{ id: 's1', kind: 'unexpected', fields: [] }])
})

test('comparePage() compares entitlements as a set, where they were applied', () => {
  const held = { ...account(1), entitlements: ['b', 'a'] }
  expect(compare([held], [applied(1, { entitlements: ['a', 'b'] })])).toEqual([])
  expect(compare([held], [applied(1, { entitlements: ['a'] })])).toMatchObject([
    { fields: ['entitlements'] },
  ])
  expect(compare([held], [applied(1)])).toEqual([])
})

test('listMissing() names who is on no page, unless they are not active', () => {
  const leaver = applied(3, { person: testPerson(3, { active: false }) })
  expect(listMissing([applied(1), applied(2), leaver], new Set(['s1']))).toEqual([
    { id: 'p2', kind: 'missing', fields: [] },
  ])
})

test('pages of any size give the same drift', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ isChanged: fc.boolean(), isActive: fc.boolean() }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 7 }),
      (states, size) => {
        const people = states.map(({ isChanged, isActive }, number) =>
          account(number, {
            active: isActive,
            ...(isChanged && { displayName: 'Else' }),
          }),
        )
        const wanted = states.map((_, number) => applied(number))
        const paged = Array.from({ length: Math.ceil(people.length / size) }, (_, page) =>
          compare(people.slice(page * size, (page + 1) * size), wanted),
        )
        expect(paged.flat()).toEqual(compare(people, wanted))
      },
    ),
  )
})
