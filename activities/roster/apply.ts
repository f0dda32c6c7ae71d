import { noTypeCounts, rosterTypes, type RosterCounts } from '../../core/roster/run.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { setRosterCounts } from '../../db/roster/run-states.ts'
import { lockRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { sumDoneChanges } from '../../db/roster/verdicts.ts'
import { applyGroups, applyMembers } from './apply-groups.ts'
import { applyPeople } from './apply-people.ts'
import { applyRenames, giveNamesBack } from './apply-renames.ts'
import type { Applying } from './applying.ts'
import { findPauseEnd, type Slice } from './pull.ts'
import { findDeadline, getRunParts, type RosterDeps } from './roster-deps.ts'

/** How far a run's writes have come: all steps before, and all changes of the step up to one, are done. */
export type ApplyCursor = { readonly step: number; readonly after: number }

export type AppliedSlice = Slice & { readonly cursor: ApplyCursor }

/**
 * In this order: names that change hands; groups that go, and renamed, before named alike; accounts
 * before the groups that they are in; whoever leaves at last. A name that is still taken at the first
 * attempt may be free at the second.
 */
const STEPS = [
  { what: 'renames' },
  { what: 'people', op: 'update', isLast: false },
  { what: 'people', op: 'create', isLast: false },
  { what: 'people', op: 'update', isLast: true },
  { what: 'people', op: 'create', isLast: true },
  { what: 'names-back' },
  { what: 'groups', op: 'delete', isLast: true },
  { what: 'groups', op: 'update', isLast: false },
  { what: 'groups', op: 'create', isLast: false },
  { what: 'groups', op: 'update', isLast: true },
  { what: 'groups', op: 'create', isLast: true },
  { what: 'members' },
  { what: 'people', op: 'deactivate', isLast: true },
  { what: 'people', op: 'delete', isLast: true },
] as const

/** Writes on where the run stands, until all is written that may be or the time is up. */
export async function applyChanges(
  deps: RosterDeps,
  { runId, cursor: start }: { readonly runId: string; readonly cursor?: ApplyCursor | undefined },
  signal: AbortSignal,
): Promise<AppliedSlice> {
  const { db } = deps
  const deadline = findDeadline(deps)
  const { run, provider } = await getRunParts(db, runId)
  let cursor = start ?? { step: 0, after: 0 }
  if (run.state !== 'applying') return { state: 'done', cursor }
  if (!start) await bookDone(db, run)
  const target = await deps.openTarget(provider, run)
  const isRest = waitsForDecision(run)
  while (Date.now() < deadline) {
    const step = STEPS[cursor.step]
    if (!step) return { state: 'done', cursor }
    // The settings may be others since.
    const untilMs = await findPauseEnd(db, await getRunParts(db, runId))
    if (untilMs !== undefined) return { state: 'paused', untilMs, cursor }
    signal.throwIfAborted()
    const { after } = cursor
    const last = await applyStep(step, { db, run, provider, target, signal, isRest, after })
    cursor = last === undefined ? { step: cursor.step + 1, after: 0 } : { ...cursor, after: last }
  }
  return { state: 'more', cursor }
}

/** True for a run whose guard has tripped and nobody has decided on: only the rest may be done. */
export function waitsForDecision({ guard, approvalId }: RosterRun): boolean {
  return approvalId === null && (guard ?? []).some(({ tripped }) => tripped)
}

// The counts of a run that writes are what is written.
async function bookDone(db: Database, { id }: RosterRun): Promise<void> {
  await withTransaction(db, async (tx) => {
    const run = await lockRosterRun(tx, id)
    if (run?.state !== 'applying') return
    const sums = new Map((await sumDoneChanges(tx, id)).map(({ type, ...sum }) => [type, sum]))
    const none = { created: 0, updated: 0, deactivated: 0 }
    const counts = rosterTypes.map((type) => {
      const { fetched, unchanged, failed } = run.counts[type] ?? noTypeCounts
      return [type, { fetched, unchanged, failed, ...(sums.get(type) ?? none) }]
    })
    await setRosterCounts(tx, id, Object.fromEntries(counts) as RosterCounts)
  })
}

// The last change that was looked at; undefined where there is none left.
async function applyStep(
  step: (typeof STEPS)[number],
  applying: Applying,
): Promise<number | undefined> {
  switch (step.what) {
    case 'renames':
      return await applyRenames(applying)
    case 'names-back':
      return await giveNamesBack(applying)
    case 'people':
      return await applyPeople(applying, step)
    case 'groups':
      return await applyGroups(applying, step)
    case 'members':
      return await applyMembers(applying)
    default:
      return step satisfies never
  }
}
