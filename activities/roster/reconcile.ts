import { AppError } from '../../core/errors.ts'
import { findPause } from '../../core/roster/pause.ts'
import { personFields, type PersonField } from '../../core/roster/person-diff.ts'
import {
  comparePage,
  learnKeptFields,
  listMissing,
  type Drift,
} from '../../core/roster/reconcile.ts'
import { toRosterRules } from '../../core/roster/rules.ts'
import type { TargetPerson } from '../../core/roster/target.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { lockRosterProvider, type RosterProvider } from '../../db/roster/providers.ts'
import {
  bookReconciledPart,
  findRosterReconcile,
  listAppliedTo,
  listUnseen,
  markWriting,
  wasOvertaken,
  type AppliedAccount,
  type ReconciledPart,
  type RosterDrift,
  type RosterReconcile,
} from '../../db/roster/reconciles.ts'
import { repairAccounts, type Repair } from './repair.ts'
import { findDeadline, type RosterDeps } from './roster-deps.ts'

export type ReconcileRef = { readonly reconcileId: string }

export type ReconciledSlice = { readonly state: 'done' | 'more'; readonly compared: number }

type Parts = { readonly report: RosterReconcile; readonly provider: RosterProvider }
type Part = ReconciledPart & { readonly repairs: readonly Repair[] }

const PAGE_SIZE = 200
const ENTITLEMENTS = 'entitlements'

/**
 * Compares a target with what was applied, part by part, until all is compared or the time is up. A
 * part that repairs looks at the accounts anew under the provider's lock, and lets no run begin
 * before it has written; once a run has begun between two parts, the comparison ends.
 */
export async function reconcileTarget(
  deps: RosterDeps,
  reconcileId: string,
  signal: AbortSignal,
): Promise<ReconciledSlice> {
  const deadline = findDeadline(deps)
  for (;;) {
    signal.throwIfAborted()
    const isDone = await reconcilePart(deps, reconcileId, signal)
    if (isDone || Date.now() >= deadline) {
      const report = await getReport(deps.db, reconcileId)
      return { state: isDone ? 'done' : 'more', compared: report.compared }
    }
  }
}

// True where nothing is left.
async function reconcilePart(
  deps: RosterDeps,
  reconcileId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { db } = deps
  const { nextIndex, providerId } = await getReport(db, reconcileId)
  const provider = await withTransaction(db, async (tx) => await lockRosterProvider(tx, providerId))
  if (!provider) throwEnded('provider_removed', 'the provider was removed')
  const target = await deps.openTarget(provider, { id: reconcileId })
  const page =
    nextIndex === null
      ? undefined
      : await target.listPeople({ startIndex: nextIndex, count: PAGE_SIZE, signal })
  const { parts, part } = await withTransaction(db, async (tx) => {
    const locked = await lockParts(tx, reconcileId)
    const found = page
      ? await compare(tx, locked, { ...page, startIndex: nextIndex ?? 1 })
      : await lookForMissing(tx, locked)
    if (!found) return { parts: locked }
    if (found.repairs.length > 0) await markWriting(tx, reconcileId)
    else await bookReconciledPart(tx, locked.report, found)
    return { parts: locked, part: found }
  })
  if (!part) return true
  if (part.repairs.length === 0) return false
  const failures = await repairAccounts({ db, target, signal, ...parts }, part.repairs)
  const drifts = part.drifts.map((drift) => toOutcome(drift, part.repairs, failures))
  await withTransaction(db, async (tx) => {
    await bookReconciledPart(tx, parts.report, { ...part, drifts })
  })
  return false
}

async function getReport(db: Database | Transaction, id: string): Promise<RosterReconcile> {
  const report = await findRosterReconcile(db, id)
  if (report?.state !== 'running') throwEnded('reconcile_ended', 'it has ended')
  return report
}

async function lockParts(tx: Transaction, reconcileId: string): Promise<Parts> {
  const { providerId } = await getReport(tx, reconcileId)
  const provider = await lockRosterProvider(tx, providerId)
  const report = await getReport(tx, reconcileId)
  if (!provider) throwEnded('provider_removed', 'the provider was removed')
  if (await wasOvertaken(tx, report)) throwEnded('sync_started', 'a run has begun')
  const { pauses, timeZone } = provider.settings
  if (report.repair && findPause(pauses, timeZone, new Date())) {
    throwEnded('paused', 'the provider pauses')
  }
  return { report, provider }
}

type Page = {
  readonly people: readonly TargetPerson[]
  readonly total: number
  readonly startIndex: number
}

async function compare(tx: Transaction, parts: Parts, page: Page): Promise<Part> {
  const { report, provider } = parts
  const { people, total, startIndex } = page
  if (people.length === 0 && startIndex <= total) {
    throw new AppError('target_failed', 'The target shows fewer people than it counts', {
      status: 502,
    })
  }
  const scimIds = people.map(({ scimId }) => scimId)
  const applied = await listAppliedTo(tx, provider.id, scimIds)
  const known = new Set(report.kept)
  const keeps = learnKeptFields(new Set(personFields.filter((field) => known.has(field))), people)
  const keepsEntitlements =
    known.has(ENTITLEMENTS) || people.some(({ entitlements }) => entitlements.length > 0)
  const found = comparePage({
    people,
    applied: applied.map((account) => toCompared(account, keepsEntitlements)),
    kept: keeps,
    ownPrefix: toRosterRules(provider).externalIdPrefix,
  })
  const nextIndex = startIndex + people.length
  const isLast = people.length === 0 || nextIndex > total
  return {
    ...prepare(report, found, { applied, people }),
    nextIndex: isLast ? null : nextIndex,
    afterId: null,
    kept: listKept(keeps, keepsEntitlements),
    seenScimIds: scimIds,
    compared: applied.length,
  }
}

async function lookForMissing(tx: Transaction, { report }: Parts): Promise<Part | undefined> {
  const applied = await listUnseen(tx, report, PAGE_SIZE)
  const last = applied.at(-1)
  if (!last) return undefined
  const found = listMissing(applied, new Set())
  return {
    ...prepare(report, found, { applied, people: [] }),
    nextIndex: null,
    afterId: last.id,
    kept: report.kept,
    seenScimIds: [],
    compared: applied.length,
  }
}

// What the target was never told of says nothing.
function toCompared(
  { id, scimId, person, entitlements }: AppliedAccount,
  keepsEntitlements: boolean,
): Parameters<typeof comparePage>[0]['applied'][number] {
  const isTold = keepsEntitlements && entitlements.length > 0
  return { id, scimId, person, ...(isTold && { entitlements }) }
}

function listKept(keeps: ReadonlySet<PersonField>, keepsEntitlements: boolean): readonly string[] {
  return [...keeps, ...(keepsEntitlements ? [ENTITLEMENTS] : [])]
}

// Only what is ours is repaired: an account with another externalId is somebody else's by now.
function prepare(
  { repair }: RosterReconcile,
  found: readonly Drift[],
  {
    applied,
    people,
  }: { readonly applied: readonly AppliedAccount[]; readonly people: readonly TargetPerson[] },
): { readonly drifts: readonly RosterDrift[]; readonly repairs: readonly Repair[] } {
  const accounts = new Map(applied.map((account) => [account.id, account]))
  const byScimId = new Map(people.map((person) => [person.scimId, person]))
  const repairs: Repair[] = []
  const drifts = found.map((drift): RosterDrift => {
    if (!repair) return { ...drift, outcome: 'found', code: null }
    const account = drift.kind === 'unexpected' ? undefined : accounts.get(drift.id)
    const person = account && byScimId.get(account.scimId)
    const isForeign = person?.externalId !== undefined && person.externalId !== account?.externalId
    if (!account || isForeign) return { ...drift, outcome: 'left', code: null }
    repairs.push({ drift, account, ...(person && { person }) })
    return { ...drift, outcome: 'found', code: null }
  })
  return { drifts, repairs }
}

function toOutcome(
  drift: RosterDrift,
  repairs: readonly Repair[],
  failures: ReadonlyMap<string, string>,
): RosterDrift {
  if (!repairs.some((repair) => repair.drift.id === drift.id)) return drift
  const code = failures.get(drift.id) ?? null
  return { ...drift, outcome: code === null ? 'repaired' : 'failed', code }
}

function throwEnded(code: string, reason: string): never {
  throw new AppError(code, `Cannot go on comparing: ${reason}`, { status: 409 })
}
