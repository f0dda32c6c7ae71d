import type { Drift } from '../../core/roster/reconcile.ts'
import type {
  MembersOrder,
  PersonOrder,
  ScimPerson,
  ScimTarget,
  TargetPerson,
  Verdict,
} from '../../core/roster/target.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import type { RosterProvider } from '../../db/roster/providers.ts'
import {
  listGroupsOf,
  type AppliedAccount,
  type GroupOfPeople,
  type RosterReconcile,
} from '../../db/roster/reconciles.ts'
import { noteEntitlements } from '../../db/roster/seats.ts'
import { saveAccounts, saveMembers } from '../../db/roster/verdicts.ts'

/** An account of ours that is to be as it was applied. */
export type Repair = {
  readonly drift: Drift
  readonly account: AppliedAccount
  /** As the target has it; absent: it is gone. */
  readonly person?: TargetPerson
}

export type Repairing = {
  readonly db: Database
  readonly target: ScimTarget
  readonly signal: AbortSignal
  readonly report: RosterReconcile
  readonly provider: RosterProvider
}

// What a target may lack altogether.
const NOTHING: ScimPerson = {
  externalId: '',
  userName: '',
  name: { givenName: '', familyName: '' },
  displayName: '',
  emails: [],
  active: false,
  userType: '',
  roles: [],
  enterprise: {},
}

/** Writes again what was applied, with groups and products of accounts that were gone; answers the codes of those that failed. */
export async function repairAccounts(
  repairing: Repairing,
  repairs: readonly Repair[],
): Promise<ReadonlyMap<string, string>> {
  const failures = new Map<string, string>()
  const made = new Map<string, string>()
  const ids = repairs.map(({ account }) => account.id)
  // An account that is made anew is noted without groups and products, until it has them.
  const groups = await listGroupsOf(repairing.db, repairing.provider.id, ids)
  const written = new Set<string>()
  const writes = { failures, made, written }
  try {
    await writePeople(repairing, repairs, writes)
    await entitle(repairing, repairs, writes)
    await addToGroups(repairing, groups, writes)
  } finally {
    // Also of what is broken off: what was written is told.
    const done = repairs.filter(({ account: { id } }) => written.has(id) && !failures.has(id))
    await withTransaction(repairing.db, async (tx) => {
      await appendAudit(
        tx,
        done.map(({ account, drift }) => auditEntryOf(repairing, account, drift)),
      )
    })
  }
  return failures
}

type Writes = {
  /** The source's ids of those of whom anything was written. */
  readonly written: Set<string>
  /** Codes by the source's ids. */
  readonly failures: Map<string, string>
  /** Accounts that were made anew, by the source's ids. */
  readonly made: Map<string, string>
}

async function writePeople(
  { db, target, signal, provider }: Repairing,
  repairs: readonly Repair[],
  { failures, made, written }: Writes,
): Promise<void> {
  const orders = repairs.flatMap((repair) => toOrder(repair) ?? [])
  const byId = new Map(repairs.map((repair) => [repair.account.id, repair]))
  if (orders.length === 0) return
  await target.writePeople(orders, {
    signal,
    async onVerdicts(verdicts) {
      noteVerdicts(verdicts, { failures, written })
      const anew = verdicts.flatMap((verdict) => {
        const repair = byId.get(verdict.id)
        if (!repair || verdict.outcome === 'failed') return []
        const { account, person } = repair
        if (person && verdict.scimId === account.scimId) return []
        made.set(account.id, verdict.scimId)
        return [{ id: account.id, scimId: verdict.scimId, person: account.person }]
      })
      await saveAccounts(db, provider.id, anew)
    },
  })
}

// Undefined where only products differ.
function toOrder({ account, person, drift }: Repair): PersonOrder | undefined {
  const { id, scimId, externalId } = account
  if (!person) return { op: 'create', id, after: account.person }
  if (drift.fields.every((field) => field === 'entitlements')) return undefined
  const held = person.person
  if (!account.person.active && drift.fields.includes('active')) {
    return { op: 'deactivate', id, scimId, externalId }
  }
  const before = { ...NOTHING, ...held }
  return { op: 'update', id, scimId, before, after: account.person }
}

async function entitle(
  { db, target, signal, provider }: Repairing,
  repairs: readonly Repair[],
  { failures, made, written }: Writes,
): Promise<void> {
  const byId = new Map(repairs.map(({ account }) => [account.id, account]))
  const orders = repairs.flatMap(({ account, drift }): PersonOrder[] => {
    const { id, entitlements } = account
    const isMade = made.has(id) && entitlements.length > 0
    if (failures.has(id) || !(isMade || drift.fields.includes('entitlements'))) return []
    return [{ op: 'entitle', id, scimId: made.get(id) ?? account.scimId, entitlements }]
  })
  if (orders.length === 0) return
  await target.writePeople(orders, {
    signal,
    onVerdicts: async (verdicts) => {
      noteVerdicts(verdicts, { failures, written })
      const told = verdicts.flatMap(({ id, outcome }) => {
        const account = outcome === 'failed' ? undefined : byId.get(id)
        return account ? [{ id, entitlements: [...account.entitlements] }] : []
      })
      await noteEntitlements(db, provider.id, told)
    },
  })
}

async function addToGroups(
  { db, target, signal, provider }: Repairing,
  groups: readonly GroupOfPeople[],
  { failures, made }: Writes,
): Promise<void> {
  const additions = new Map<string, { group: GroupOfPeople; ids: readonly string[] }>()
  for (const group of groups) {
    const ids = Object.keys(group.members).filter((id) => made.has(id) && !failures.has(id))
    if (ids.length > 0) additions.set(`${group.type}:${group.id}`, { group, ids })
  }
  const orders = [...additions].map(([id, { group, ids }]): MembersOrder => ({
    id,
    scimId: group.scimId,
    add: ids.map((member) => made.get(member) ?? ''),
    remove: [],
  }))
  if (orders.length === 0) return
  await target.writeMembers(orders, {
    signal,
    async onVerdicts(verdicts) {
      for (const verdict of verdicts) {
        const addition = additions.get(verdict.id)
        if (!addition) continue
        const refused = new Map(verdict.refused.map(({ member, code }) => [member, code]))
        // Who is to be in a group that is gone as well comes back with it.
        const isGone = verdict.outcome === 'failed' && verdict.code === 'group_gone'
        const whole = verdict.outcome === 'failed' && !isGone ? verdict.code : undefined
        const add = addition.ids.filter((id) => {
          const code = whole ?? refused.get(made.get(id) ?? '')
          if (code !== undefined) failures.set(id, code)
          return code === undefined
        })
        const { type, id } = addition.group
        await saveMembers(db, provider.id, [{ type, id, add, remove: new Map() }])
      }
    },
  })
}

function noteVerdicts(
  verdicts: readonly Verdict[],
  { failures, written }: Pick<Writes, 'failures' | 'written'>,
): void {
  for (const verdict of verdicts) {
    if (verdict.outcome === 'failed') failures.set(verdict.id, verdict.code)
    else written.add(verdict.id)
  }
}

function auditEntryOf(
  { report, provider }: Repairing,
  { externalId }: AppliedAccount,
  { kind }: Drift,
): Parameters<typeof appendAudit>[1][number] {
  const { tenant, requestId, id: reconcileId } = report
  return {
    actor: report.startedBy,
    action: 'roster.repaired',
    subject: { type: 'roster-account', id: externalId },
    cause: { requestId, tenant, providerId: provider.id, reconcileId, was: kind },
  }
}
