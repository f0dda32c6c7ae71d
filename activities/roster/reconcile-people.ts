import { personFields } from '../../core/roster/person-diff.ts'
import {
  comparePage,
  learnKeptFields,
  listMissing,
  type Drift,
} from '../../core/roster/reconcile.ts'
import { toRosterRules } from '../../core/roster/rules.ts'
import type { TargetPerson } from '../../core/roster/target.ts'
import {
  listAppliedTo,
  listUnseen,
  type AppliedAccount,
  type RosterDrift,
} from '../../db/roster/reconciles.ts'
import { assertShown, keyOf, passOn, type Found, type Parts, type Phase } from './reconcile-part.ts'
import { repairAccounts, type Repair } from './repair.ts'

const PAGE_SIZE = 200
const ENTITLEMENTS = 'entitlements'

/** The accounts of the target's next page. */
export const comparePeople: Phase = async ({ target, signal, report }) => {
  const startIndex = report.nextIndex ?? 1
  const { people, total } = await target.listPeople({ startIndex, count: PAGE_SIZE, signal })
  assertShown(people.length, { total, startIndex })
  return async (tx, parts) => {
    const scimIds = people.map(({ scimId }) => scimId)
    const applied = await listAppliedTo(tx, parts.provider.id, scimIds)
    const known = new Set(parts.report.kept)
    const keeps = learnKeptFields(new Set(personFields.filter((field) => known.has(field))), people)
    const keepsEntitlements =
      known.has(ENTITLEMENTS) || people.some(({ entitlements }) => entitlements.length > 0)
    const found = comparePage({
      people,
      applied: applied.map((account) => toCompared(account, keepsEntitlements)),
      kept: keeps,
      ownPrefix: toRosterRules(parts.provider).externalIdPrefix,
    })
    const nextIndex = startIndex + people.length
    const isLast = people.length === 0 || nextIndex > total
    return {
      ...passOn(parts.report, {
        phase: isLast ? 'lost-people' : 'people',
        nextIndex: isLast ? null : nextIndex,
      }),
      ...prepare(parts, found, { applied, people }),
      kept: [...keeps, ...(keepsEntitlements ? [ENTITLEMENTS] : [])],
      seenScimIds: scimIds,
      compared: applied.length,
    }
  }
}

/** The next accounts that no page has shown. */
export const lookForPeople: Phase = async () =>
  await Promise.resolve(async (tx, parts) => {
    const applied = await listUnseen(tx, parts.report, PAGE_SIZE)
    const last = applied.at(-1)
    if (!last) return passOn(parts.report, { phase: 'groups', nextIndex: 1 })
    return {
      ...passOn(parts.report, { phase: 'lost-people', nextIndex: null }),
      ...prepare(parts, listMissing(applied, new Set()), { applied, people: [] }),
      afterId: last.id,
      compared: applied.length,
    }
  })

// What the target was never told of says nothing.
function toCompared(
  { id, scimId, person, entitlements }: AppliedAccount,
  keepsEntitlements: boolean,
): Parameters<typeof comparePage>[0]['applied'][number] {
  const isTold = keepsEntitlements && entitlements.length > 0
  return { id, scimId, person, ...(isTold && { entitlements }) }
}

// Only what is ours is repaired: an account with another externalId is somebody else's by now.
function prepare(
  { report }: Parts,
  found: readonly Drift[],
  {
    applied,
    people,
  }: { readonly applied: readonly AppliedAccount[]; readonly people: readonly TargetPerson[] },
): Pick<Found, 'drifts' | 'repaired' | 'repair'> {
  const accounts = new Map(applied.map((account) => [account.id, account]))
  const byScimId = new Map(people.map((person) => [person.scimId, person]))
  const repairs: Repair[] = []
  const drifts = found.map((drift): RosterDrift => {
    const told = { ...drift, type: 'users', outcome: 'found', code: null } as const
    if (!report.repair) return told
    const account = drift.kind === 'unexpected' ? undefined : accounts.get(drift.id)
    const person = account && byScimId.get(account.scimId)
    const isForeign = person?.externalId !== undefined && person.externalId !== account?.externalId
    if (!account || isForeign) return { ...told, outcome: 'left' }
    repairs.push({ drift, account, ...(person && { person }) })
    return told
  })
  const keyOfId = (id: string): string => keyOf({ type: 'users', id })
  return {
    drifts,
    repaired: new Set(repairs.map(({ drift }) => keyOfId(drift.id))),
    async repair(repairing) {
      const failures = await repairAccounts(repairing, repairs)
      return new Map([...failures].map(([id, code]) => [keyOfId(id), code]))
    },
  }
}
