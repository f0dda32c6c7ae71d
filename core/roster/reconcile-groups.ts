import type { TargetGroup } from './target.ts'

/** A school's or a section's group that Registrar applied. */
export type AppliedGroup = {
  readonly type: 'schools' | 'sections'
  readonly id: string
  readonly scimId: string
  readonly externalId: string
  readonly displayName: string
  /** By the source's ids beside the target's. */
  readonly members: Readonly<Record<string, string>>
  /** Of these the accounts that the target has. */
  readonly present: readonly string[]
}

/** Where a group is otherwise than it was applied; `id` of an unexpected one is the target's. */
export type GroupDrift = {
  readonly type: 'schools' | 'sections' | 'groups'
  readonly id: string
  readonly kind: 'missing' | 'differs' | 'unexpected'
  readonly fields: readonly string[]
  /** Ids of the target: accounts that are to be members, and accounts of ours that are not. */
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

/** What a target may keep of groups, or drop. */
export const groupFields = { externalId: 'groups.externalId', members: 'groups.members' } as const

/** What somebody of these groups has, with what was known before: a target may drop the others. */
export function learnGroupFields(
  kept: readonly string[],
  groups: readonly TargetGroup[],
): readonly string[] {
  const seen = [
    ...(groups.some(({ externalId }) => externalId !== undefined) ? [groupFields.externalId] : []),
    ...(groups.some(({ members = [] }) => members.length > 0) ? [groupFields.members] : []),
  ]
  return [...new Set([...kept, ...seen])]
}

/**
 * Compares a page of groups with what was applied to them, in the page's order. Members whose
 * accounts are gone are no matter of the group, and members who are not ours are left in it.
 */
export function compareGroups({
  groups,
  applied,
  ours,
  kept,
  ownPrefix,
}: {
  readonly groups: readonly TargetGroup[]
  readonly applied: readonly AppliedGroup[]
  /** Accounts of this provider, by the target's ids. */
  readonly ours: ReadonlySet<string>
  readonly kept: readonly string[]
  /** How the externalIds of this provider begin. */
  readonly ownPrefix: string
}): GroupDrift[] {
  const byScimId = new Map(applied.map((group) => [group.scimId, group]))
  return groups.flatMap((group): GroupDrift[] => {
    const wanted = byScimId.get(group.scimId)
    if (wanted) return compareGroup(group, wanted, { ours, kept })
    if (group.externalId?.startsWith(ownPrefix) !== true) return []
    const unexpected = { type: 'groups', id: group.scimId, kind: 'unexpected' } as const
    return [{ ...unexpected, fields: [], add: [], remove: [] }]
  })
}

/** The drifts of groups that no page has shown. */
export function listMissingGroups(applied: readonly AppliedGroup[]): GroupDrift[] {
  return applied.map(({ type, id, present }) => ({
    type,
    id,
    kind: 'missing',
    fields: [],
    add: present,
    remove: [],
  }))
}

function compareGroup(
  group: TargetGroup,
  { type, id, externalId, displayName, members, present }: AppliedGroup,
  { ours, kept }: { readonly ours: ReadonlySet<string>; readonly kept: readonly string[] },
): GroupDrift[] {
  const held = new Set(group.members)
  const wanted = new Set(Object.values(members))
  const isCompared = kept.includes(groupFields.members)
  const add = isCompared ? present.filter((member) => !held.has(member)) : []
  const surplus = isCompared ? [...held].filter((member) => !wanted.has(member)) : []
  const fields = [
    ...(kept.includes(groupFields.externalId) && group.externalId !== externalId
      ? ['externalId']
      : []),
    ...(group.displayName === displayName ? [] : ['displayName']),
    ...(add.length + surplus.length > 0 ? ['members'] : []),
  ]
  if (fields.length === 0) return []
  return [
    { type, id, kind: 'differs', fields, add, remove: surplus.filter((one) => ours.has(one)) },
  ]
}
