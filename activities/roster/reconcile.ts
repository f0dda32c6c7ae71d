import { AppError } from '../../core/errors.ts'
import { findPause } from '../../core/roster/pause.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { lockRosterProvider } from '../../db/roster/providers.ts'
import {
  bookReconciledPart,
  findRosterReconcile,
  markWriting,
  wasOvertaken,
  type ReconcilePhase,
  type RosterDrift,
  type RosterReconcile,
} from '../../db/roster/reconciles.ts'
import { compareGroups, lookForGroups } from './reconcile-groups.ts'
import { keyOf, type Found, type Parts, type Phase } from './reconcile-part.ts'
import { comparePeople, lookForPeople } from './reconcile-people.ts'
import { findDeadline, type RosterDeps } from './roster-deps.ts'

export type ReconcileRef = { readonly reconcileId: string }

export type ReconciledSlice = { readonly state: 'done' | 'more'; readonly compared: number }

const PHASES: Readonly<Record<ReconcilePhase, Phase>> = {
  people: comparePeople,
  'lost-people': lookForPeople,
  groups: compareGroups,
  'lost-groups': lookForGroups,
}

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
  const report = await getReport(db, reconcileId)
  const provider = await withTransaction(
    db,
    async (tx) => await lockRosterProvider(tx, report.providerId),
  )
  if (!provider) throwEnded('provider_removed', 'the provider was removed')
  const target = await deps.openTarget(provider, { id: reconcileId })
  const compare = await PHASES[report.phase]({ db, target, signal, report })
  const { parts, part } = await withTransaction(db, async (tx) => {
    const locked = await lockParts(tx, reconcileId)
    const found = await compare(tx, locked)
    if (!found) return { parts: locked }
    if (found.repaired.size > 0) await markWriting(tx, reconcileId)
    else await bookReconciledPart(tx, locked.report, found)
    return { parts: locked, part: found }
  })
  if (!part) return true
  if (part.repaired.size === 0) return false
  const failures = await part.repair({ db, target, signal, ...parts })
  const drifts = part.drifts.map((drift) => toOutcome(drift, part, failures))
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

function toOutcome(
  drift: RosterDrift,
  { repaired }: Pick<Found, 'repaired'>,
  failures: ReadonlyMap<string, string>,
): RosterDrift {
  if (!repaired.has(keyOf(drift))) return drift
  const code = failures.get(keyOf(drift)) ?? null
  return { ...drift, outcome: code === null ? 'repaired' : 'failed', code }
}

function throwEnded(code: string, reason: string): never {
  throw new AppError(code, `Cannot go on comparing: ${reason}`, { status: 409 })
}
