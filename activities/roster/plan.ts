import { dayIn } from '../../core/roster/day.ts'
import { judgePlan, mayApplyRest } from '../../core/roster/guard.ts'
import { parseDelay } from '../../core/roster/provider.ts'
import { toRosterRules } from '../../core/roster/rules.ts'
import type { GuardJudgement, RosterRunState } from '../../core/roster/run.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { hashChangeSet } from '../../db/roster/changes.ts'
import { buildPlan } from '../../db/roster/plan.ts'
import { judgePull } from '../../db/roster/pull-result.ts'
import type { RosterProvider } from '../../db/roster/providers.ts'
import { endPlanning, endRosterRun, setRosterRunState } from '../../db/roster/run-states.ts'
import { lockRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { prepareLookups } from '../../db/roster/sets.ts'
import { findSettledPlan } from '../../db/roster/settled.ts'
import { dropRosterStaging } from '../../db/roster/staging.ts'
import { hold } from './hold.ts'
import { getRunParts, type RunParts } from './roster-deps.ts'
import { assertNotStopped, withCancellation } from './stop.ts'

/**
 * Works out what the run does, and asks the guard; the answer is the run's state then. Run again, it
 * answers `held` of a plan that was put to a vote, whatever the vote came to meanwhile: another
 * workflow goes on with it.
 */
export async function planRun(
  db: Database,
  runId: string,
  signal: AbortSignal,
): Promise<{ readonly state: RosterRunState }> {
  const { run } = await getRunParts(db, runId)
  if (run.state === 'pulling') {
    await withTransaction(db, async (tx) => {
      const locked = await lockRosterRun(tx, runId)
      if (locked?.state === 'pulling') await setRosterRunState(tx, runId, 'planning')
    })
  }
  await withTransaction(db, async (tx) => {
    await withCancellation(db, { tx, signal }, async () => {
      await lockPlanning(tx, runId)
      const parts = await getRunParts(tx, runId)
      if (parts.run.state === 'planning') await plan(tx, parts)
    })
  })
  const { run: planned } = await getRunParts(db, runId)
  return { state: planned.approvalId === null ? planned.state : 'held' }
}

/** Lets whoever works on a run as a whole follow each other, without its row: that is for who asks it to stop. */
export async function lockPlanning(tx: Transaction, runId: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
    `roster-run:${runId}`,
  ])
}

async function plan(tx: Transaction, { run, provider }: RunParts): Promise<void> {
  const now = new Date()
  const pull = await judgePull(tx, run)
  const { externalIdPrefix, onCollision } = toRosterRules(provider)
  const today = dayIn(provider.settings.timeZone, now)
  const options = {
    ...pull,
    runId: run.id,
    providerId: provider.id,
    mode: run.mode,
    fetched: run.counts,
    selection: run.selection,
    addsOnly: run.addsOnly,
    onCollision,
    externalIdPrefix,
    today,
    deleteBefore: findDeletion(provider, now),
  }
  const settled = await findSettledPlan(tx, options)
  const { shape, counts } = settled ?? (await buildPlan(tx, options))
  const guard = judgePlan(shape, provider.settings.guard)
  await prepareLookups(tx)
  const hash = await hashChangeSet(tx, run.id)
  const locked = await lockRosterRun(tx, run.id)
  if (locked?.state !== 'planning') return
  assertNotStopped(locked)
  const next = findNext(run, { guard, provider })
  await endPlanning(tx, run.id, {
    counts,
    guard,
    hash,
    day: settled ? null : today,
    settledBy: settled?.settledBy ?? null,
    next: next === 'held' ? 'applying' : next,
  })
  if (next === 'held') await hold(tx, { run: { ...run, guard, counts, planHash: hash }, provider })
  if (!run.dryRun) return
  await endRosterRun(tx, run.id, { state: 'succeeded' })
  await dropRosterStaging(tx, run.id)
}

function findNext(
  { dryRun }: RosterRun,
  {
    guard,
    provider,
  }: { readonly guard: readonly GuardJudgement[]; readonly provider: RosterProvider },
): RosterRunState {
  if (dryRun) return 'planning'
  if (!guard.some(({ tripped }) => tripped)) return 'applying'
  const { whileHeld } = provider.settings.guard
  return whileHeld === 'apply-the-rest' && mayApplyRest(guard) ? 'applying' : 'held'
}

function findDeletion({ settings }: RosterProvider, now: Date): Date | undefined {
  const { deleteAfter } = settings.scim
  const duration = deleteAfter === null ? undefined : parseDelay(deleteAfter)
  if (!duration) return undefined
  const days = duration.weeks * 7 + duration.days
  return new Date(now.getTime() - days * 86_400_000 - duration.ms)
}
