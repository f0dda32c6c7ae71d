import type { AppliedGroup, GroupDrift } from '../../core/roster/reconcile-groups.ts'
import type { GroupOrder, MembersOrder, TargetGroup } from '../../core/roster/target.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { saveGroups, saveMembers } from '../../db/roster/verdicts.ts'
import { keyOf } from './reconcile-part.ts'
import type { Repairing } from './repair.ts'

/** A group of ours that is to be as it was applied. */
export type GroupRepair = {
  readonly drift: GroupDrift
  readonly group: AppliedGroup
  /** As the target has it; absent: it is gone. */
  readonly held?: TargetGroup
}

type Writes = {
  readonly failures: Map<string, string>
  /** The target's ids of groups that were made anew. */
  readonly made: Map<string, string>
  readonly written: Set<string>
}

/** Writes groups and their members again as they were applied; answers the codes of those that failed. */
export async function repairGroups(
  repairing: Repairing,
  repairs: readonly GroupRepair[],
): Promise<ReadonlyMap<string, string>> {
  const writes = { failures: new Map(), made: new Map(), written: new Set<string>() }
  try {
    await writeGroups(repairing, repairs, writes)
    await writeMembers(repairing, repairs, writes)
  } finally {
    // Also of what is broken off: what was written is told.
    await audit(repairing, repairs, writes)
  }
  return writes.failures
}

async function writeGroups(
  { db, target, signal, provider }: Repairing,
  repairs: readonly GroupRepair[],
  { failures, made, written }: Writes,
): Promise<void> {
  const orders = repairs.flatMap((repair) => toOrder(repair) ?? [])
  const byKey = new Map(repairs.map((repair) => [keyOf(repair.drift), repair]))
  if (orders.length === 0) return
  await target.writeGroups(orders, {
    signal,
    async onVerdicts(verdicts) {
      const anew = verdicts.flatMap((verdict) => {
        const repair = byKey.get(verdict.id)
        if (!repair) return []
        if (verdict.outcome === 'failed') {
          failures.set(verdict.id, verdict.code)
          return []
        }
        written.add(verdict.id)
        const { group, held } = repair
        if (held && verdict.scimId === group.scimId) return []
        made.set(verdict.id, verdict.scimId)
        return [{ ...group, scimId: verdict.scimId }]
      })
      await withTransaction(db, async (tx) => await saveGroups(tx, provider.id, anew))
    },
  })
}

// Undefined where only members differ.
function toOrder({ drift, group, held }: GroupRepair): GroupOrder | undefined {
  const { scimId, externalId, displayName } = group
  const after = { externalId, displayName }
  const id = keyOf(drift)
  if (!held) return { op: 'create', id, after }
  if (drift.fields.every((field) => field === 'members')) return undefined
  const before = { externalId: held.externalId ?? '', displayName: held.displayName }
  return { op: 'update', id, scimId, before, after }
}

async function writeMembers(
  { db, target, signal, provider }: Repairing,
  repairs: readonly GroupRepair[],
  { failures, made, written }: Writes,
): Promise<void> {
  const byKey = new Map(repairs.map((repair) => [keyOf(repair.drift), repair]))
  const orders = repairs.flatMap(({ drift, group }): MembersOrder[] => {
    const id = keyOf(drift)
    const anew = made.get(id)
    const add = anew === undefined ? drift.add : group.present
    const remove = anew === undefined ? drift.remove : []
    if (failures.has(id) || add.length + remove.length === 0) return []
    return [{ id, scimId: anew ?? group.scimId, add, remove }]
  })
  if (orders.length === 0) return
  await target.writeMembers(orders, {
    signal,
    async onVerdicts(verdicts) {
      for (const verdict of verdicts) {
        const repair = byKey.get(verdict.id)
        if (!repair) continue
        const [refusal] = verdict.refused
        const code = verdict.outcome === 'failed' ? verdict.code : refusal?.code
        if (code === undefined) written.add(verdict.id)
        else failures.set(verdict.id, code)
        if (verdict.outcome === 'failed' || !made.has(verdict.id)) continue
        const { type, id, members, present } = repair.group
        const refused = new Set(verdict.refused.map(({ member }) => member))
        const there = new Set(present.filter((scimId) => !refused.has(scimId)))
        const add = Object.keys(members).filter((userId) => there.has(members[userId] ?? ''))
        await saveMembers(db, provider.id, [{ type, id, add, remove: new Map() }])
      }
    },
  })
}

async function audit(
  { db, report, provider }: Repairing,
  repairs: readonly GroupRepair[],
  { failures, written }: Writes,
): Promise<void> {
  const { tenant, requestId, id: reconcileId, startedBy } = report
  const done = repairs.filter(
    ({ drift }) => written.has(keyOf(drift)) && !failures.has(keyOf(drift)),
  )
  const entries = done.map(({ group, drift }) => ({
    actor: startedBy,
    action: 'roster.repaired',
    subject: { type: 'roster-group', id: group.externalId },
    cause: { requestId, tenant, providerId: provider.id, reconcileId, was: drift.kind },
  }))
  await withTransaction(db, async (tx) => {
    await appendAudit(tx, entries)
  })
}
