import {
  compareGroups as compareGroupsOf,
  learnGroupFields,
  listMissingGroups,
  type AppliedGroup,
  type GroupDrift,
} from '../../core/roster/reconcile-groups.ts'
import { toRosterRules } from '../../core/roster/rules.ts'
import type { TargetGroup } from '../../core/roster/target.ts'
import {
  hasAppliedGroups,
  listAppliedGroups,
  listOwnAccounts,
  listUnseenGroups,
} from '../../db/roster/reconcile-groups.ts'
import type { RosterDrift } from '../../db/roster/reconciles.ts'
import {
  assertShown,
  keyOf,
  passOn,
  type Found,
  type Parts,
  type Phase,
  type Reading,
} from './reconcile-part.ts'
import { repairGroups, type GroupRepair } from './repair-groups.ts'

// Members come with them: a school may have thousands.
const PAGE_SIZE = 20

/** The groups of the target's next page; nothing where none was ever written. */
export const compareGroups: Phase = async (reading) => {
  const { db, target, signal, report } = reading
  if (!(await hasAppliedGroups(db, report.providerId)))
    return async () => await Promise.resolve(undefined)
  const startIndex = report.nextIndex ?? 1
  const { groups: shown, total } = await target.listGroups({ startIndex, count: PAGE_SIZE, signal })
  assertShown(shown.length, { total, startIndex })
  const groups = await readMembers(reading, shown)
  return async (tx, parts) => {
    const scimIds = groups.map(({ scimId }) => scimId)
    const applied = await listAppliedGroups(tx, parts.report, scimIds)
    const kept = learnGroupFields(parts.report.kept, groups)
    const held = [...new Set(groups.flatMap(({ members = [] }) => members))]
    const found = compareGroupsOf({
      groups,
      applied,
      ours: new Set(await listOwnAccounts(tx, parts.provider.id, held)),
      kept,
      ownPrefix: toRosterRules(parts.provider).externalIdPrefix,
    })
    const nextIndex = startIndex + groups.length
    const isLast = groups.length === 0 || nextIndex > total
    return {
      ...passOn(parts.report, {
        phase: isLast ? 'lost-groups' : 'groups',
        nextIndex: isLast ? null : nextIndex,
      }),
      ...prepare(parts, found, { applied, groups }),
      kept,
      seenScimIds: scimIds,
      groups: applied.length,
    }
  }
}

/** The next groups that no page has shown. */
export const lookForGroups: Phase = async () =>
  await Promise.resolve(async (tx, parts) => {
    const applied = await listUnseenGroups(tx, parts.report, PAGE_SIZE)
    const last = applied.at(-1)
    if (!last) return undefined
    return {
      ...passOn(parts.report, { phase: 'lost-groups', nextIndex: null }),
      ...prepare(parts, listMissingGroups(applied), { applied, groups: [] }),
      afterId: keyOf(last),
      groups: applied.length,
    }
  })

// A list may keep members to itself: a group of ours that seems to have none is read alone.
async function readMembers(
  { db, target, signal, report }: Reading,
  shown: readonly TargetGroup[],
): Promise<TargetGroup[]> {
  const applied = await listAppliedGroups(
    db,
    report,
    shown.map(({ scimId }) => scimId),
  )
  const peopled = new Set(
    applied.flatMap(({ scimId, present }) => (present.length > 0 ? [scimId] : [])),
  )
  const groups: TargetGroup[] = []
  for (const group of shown) {
    const isSilent = (group.members ?? []).length === 0 && peopled.has(group.scimId)
    const read = isSilent ? await target.readGroup(group.scimId, signal) : group
    groups.push(read ?? group)
  }
  return groups
}

// Only what is ours is repaired, and members who are not ours are left.
function prepare(
  { report }: Parts,
  found: readonly GroupDrift[],
  {
    applied,
    groups,
  }: { readonly applied: readonly AppliedGroup[]; readonly groups: readonly TargetGroup[] },
): Pick<Found, 'drifts' | 'repaired' | 'repair'> {
  const byKey = new Map(applied.map((group) => [keyOf(group), group]))
  const byScimId = new Map(groups.map((group) => [group.scimId, group]))
  const repairs: GroupRepair[] = []
  const drifts = found.map((drift): RosterDrift => {
    const { type, id, kind, fields } = drift
    const told = { type, id, kind, fields, outcome: 'found', code: null } as const
    if (!report.repair) return told
    const group = byKey.get(keyOf(drift))
    const held = group && byScimId.get(group.scimId)
    const isForeign = held?.externalId !== undefined && held.externalId !== group?.externalId
    const onlyStrangers =
      kind === 'differs' &&
      drift.add.length + drift.remove.length === 0 &&
      fields.every((field) => field === 'members')
    if (!group || isForeign || onlyStrangers) return { ...told, outcome: 'left' }
    repairs.push({ drift, group, ...(held && { held }) })
    return told
  })
  return {
    drifts,
    repaired: new Set(repairs.map(({ drift }) => keyOf(drift))),
    repair: async (repairing) => await repairGroups(repairing, repairs),
  }
}
