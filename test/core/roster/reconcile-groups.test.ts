import {
  compareGroups,
  groupFields,
  learnGroupFields,
  type AppliedGroup,
  type GroupDrift,
} from '../../../core/roster/reconcile-groups.ts'
import type { TargetGroup } from '../../../core/roster/target.ts'

const applied: AppliedGroup = {
  type: 'sections',
  id: 'c1',
  scimId: 'g1',
  externalId: 'clever:c1',
  displayName: 'Choir',
  members: { a: 's1', b: 's2', gone: 's3' },
  present: ['s1', 's2'],
}
const held: TargetGroup = {
  scimId: 'g1',
  externalId: 'clever:c1',
  displayName: 'Choir',
  members: ['s1', 's2'],
}

function compare(
  group: TargetGroup,
  kept: readonly string[] = Object.values(groupFields),
): GroupDrift[] {
  const ours = new Set(['s1', 's2', 's3', 's4'])
  return compareGroups({ groups: [group], applied: [applied], ours, kept, ownPrefix: 'clever:' })
}

test('compareGroups() finds nothing where all is as it was applied, whoever is gone', () => {
  expect(compare(held)).toEqual([])
  expect(compare({ ...held, members: ['s3', 's2', 's1'] })).toEqual([])
})

test.each([
  { what: 'another name', change: { displayName: 'Band' }, fields: ['displayName'] },
  { what: 'another externalId', change: { externalId: 'hr:1' }, fields: ['externalId'] },
  { what: 'a member too few', change: { members: ['s1'] }, add: ['s2'] },
  { what: 'one of ours too many', change: { members: ['s1', 's2', 's4'] }, remove: ['s4'] },
  { what: 'a stranger', change: { members: ['s1', 's2', 'x'] } },
])('compareGroups() tells $what', ({ change, fields = ['members'], add = [], remove = [] }) => {
  expect(compare({ ...held, ...change })).toEqual([
    { type: 'sections', id: 'c1', kind: 'differs', fields, add, remove },
  ])
})

test('compareGroups() takes what the target never keeps for no difference', () => {
  const { externalId: _, members: __, ...bare } = held
  expect(compare(bare, [])).toEqual([])
  expect(learnGroupFields([], [bare, { ...bare, members: [] }])).toEqual([])
  expect(learnGroupFields(['x'], [held])).toEqual(['x', ...Object.values(groupFields)])
})

test('compareGroups() tells groups of ours that were never applied, and no others', () => {
  const of = (externalId: string): TargetGroup => ({ ...held, scimId: 'g9', externalId })
  expect(compare(of('clever:c9'))).toMatchObject([{ type: 'groups', id: 'g9', kind: 'unexpected' }])
  expect(compare(of('hr:c9'))).toEqual([])
})
