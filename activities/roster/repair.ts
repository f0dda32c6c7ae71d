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
  type RosterReconcile,
} from '../../db/roster/reconciles.ts'
import { saveAccounts } from '../../db/roster/verdicts.ts'

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
  await writePeople(repairing, repairs, { failures, made })
  const isMade = ({ account }: Repair): boolean => made.has(account.id)
  await entitle(repairing, repairs, { failures, made })
  await addToGroups(repairing, repairs.filter(isMade), failures)
  const done = repairs.filter(({ account }) => !failures.has(account.id))
  await withTransaction(repairing.db, async (tx) => {
    await appendAudit(
      tx,
      done.map(({ account, drift }) => auditEntryOf(repairing, account, drift)),
    )
  })
  return failures
}

type Writes = {
  /** Codes by the source's ids. */
  readonly failures: Map<string, string>
  /** Accounts that were made anew, by the source's ids. */
  readonly made: Map<string, string>
}

async function writePeople(
  { db, target, signal, provider }: Repairing,
  repairs: readonly Repair[],
  { failures, made }: Writes,
): Promise<void> {
  const orders = repairs.flatMap((repair) => toOrder(repair) ?? [])
  const byId = new Map(repairs.map((repair) => [repair.account.id, repair]))
  if (orders.length === 0) return
  await target.writePeople(orders, {
    signal,
    async onVerdicts(verdicts) {
      noteFailures(verdicts, failures)
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
  { target, signal }: Repairing,
  repairs: readonly Repair[],
  { failures, made }: Writes,
): Promise<void> {
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
      await Promise.resolve(noteFailures(verdicts, failures))
    },
  })
}

async function addToGroups(
  { db, target, signal, provider }: Repairing,
  repairs: readonly Repair[],
  failures: Map<string, string>,
): Promise<void> {
  if (repairs.length === 0) return
  const ids = repairs.map(({ account }) => account.id)
  const groups = await listGroupsOf(db, provider.id, ids)
  const byOrder = new Map(groups.map((group) => [`${group.type}:${group.id}`, group]))
  const orders = [...byOrder].map(([id, { scimId, members }]): MembersOrder => ({
    id,
    scimId,
    add: Object.values(members),
    remove: [],
  }))
  if (orders.length === 0) return
  await target.writeMembers(orders, {
    signal,
    async onVerdicts(verdicts) {
      for (const verdict of verdicts) {
        const members = Object.entries(byOrder.get(verdict.id)?.members ?? {})
        const refused = new Map(verdict.refused.map(({ member, code }) => [member, code]))
        for (const [id, scimId] of members) {
          const code = verdict.outcome === 'failed' ? verdict.code : refused.get(scimId)
          if (code !== undefined) failures.set(id, code)
        }
      }
      await Promise.resolve()
    },
  })
}

function noteFailures(verdicts: readonly Verdict[], failures: Map<string, string>): void {
  for (const verdict of verdicts) {
    if (verdict.outcome === 'failed') failures.set(verdict.id, verdict.code)
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
