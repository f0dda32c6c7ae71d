import { AppError } from '../core/errors.ts'
import { withTransaction } from '../db/client.ts'
import { endRosterReconcile, isReconcileStopAsked } from '../db/roster/reconcile-states.ts'
import { isStopAsked } from '../db/roster/run-states.ts'
import { addRosterRun } from '../db/roster/start.ts'
import type { RosterTrigger } from '../core/roster/run.ts'
import type { RosterRunState } from '../core/roster/run.ts'
import type { RosterMode } from '../core/roster/source.ts'
import { currentCause } from './context.ts'
import { applyChanges, type AppliedSlice, type ApplyCursor } from './roster/apply.ts'
import { closeRun, endRun, type Outcome } from './roster/close.ts'
import { planRun } from './roster/plan.ts'
import { pullPages, type Slice } from './roster/pull.ts'
import { reconcileTarget, type ReconciledSlice, type ReconcileRef } from './roster/reconcile.ts'
import type { RosterDeps, RunRef } from './roster/roster-deps.ts'
import { seatPeople, type SeatCursor, type SeatedSlice } from './roster/seats.ts'
import { withStop } from './roster/stop.ts'

export type { ApplyCursor, SeatCursor }

export type RosterActivities = {
  /** Adds the run of a schedule; none where another one is under way or the provider pauses. */
  readonly openRosterRun: (input: {
    readonly providerId: string
    readonly mode: RosterMode
    readonly trigger: RosterTrigger
  }) => Promise<Partial<RunRef>>
  /** Reads the next pages of the source. */
  readonly pullRoster: (input: RunRef) => Promise<Slice>
  /** Works out what is to be done, and asks the guard. */
  readonly planRoster: (input: RunRef) => Promise<{ readonly state: RosterRunState }>
  /** Does the next changes. */
  readonly applyRoster: (input: RunRef & { readonly cursor?: ApplyCursor }) => Promise<AppliedSlice>
  /** Gives seats by what was applied, and tells the target of the next ones. */
  readonly seatRoster: (input: RunRef & { readonly cursor?: SeatCursor }) => Promise<SeatedSlice>
  /** Closes the books of a run that has done everything it may. */
  readonly closeRosterRun: (input: RunRef) => Promise<Outcome>
  /** Compares the next pages of a target with what was applied, and repairs if told to. */
  readonly reconcileRoster: (input: ReconcileRef) => Promise<ReconciledSlice>
  /** Ends a comparison: with a code where it could not be done. */
  readonly closeRosterReconcile: (input: ReconcileRef & { readonly code?: string }) => Promise<void>
  /** Ends a run that cannot go on, or is not to. */
  readonly endRosterRun: (
    input: RunRef & {
      readonly state: 'failed' | 'stopped'
      readonly code?: string
      readonly message?: string
    },
  ) => Promise<Outcome>
}

/** The activities of rosters' syncs; only ids, codes, counts and cursors come out of them. */
export function createRosterActivities(deps: RosterDeps): RosterActivities {
  const { db } = deps
  const ofRun = async <T>(runId: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    await withStop(async () => await isStopAsked(db, runId), work)
  return {
    async openRosterRun({ providerId, mode, trigger }) {
      const { requestId = providerId, workflowId } = currentCause()
      const now = new Date()
      const request = { providerId, mode, trigger, startedBy: null, requestId, workflowId, now }
      const added = await withTransaction(db, async (tx) => await addRosterRun(tx, request))
      if (added.outcome === 'repairing') throwBusy()
      return added.outcome === 'started' ? { runId: added.run.id } : {}
    },
    pullRoster: async ({ runId }) =>
      await ofRun(runId, async (signal) => await pullPages(deps, runId, signal)),
    planRoster: async ({ runId }) =>
      await ofRun(runId, async (signal) => await planRun(db, runId, signal)),
    applyRoster: async ({ runId, cursor }) =>
      await ofRun(runId, async (signal) => await applyChanges(deps, { runId, cursor }, signal)),
    seatRoster: async ({ runId, cursor }) =>
      await ofRun(runId, async (signal) => await seatPeople(deps, { runId, cursor }, signal)),
    closeRosterRun: async ({ runId }) =>
      await ofRun(runId, async (signal) => await closeRun(db, runId, signal)),
    endRosterRun: async (ending) => await endRun(db, ending),
    reconcileRoster: async ({ reconcileId }) =>
      await withStop(
        async () => await isReconcileStopAsked(db, reconcileId),
        async (signal) => await reconcileTarget(deps, reconcileId, signal),
      ),
    closeRosterReconcile: async ({ reconcileId, ...ending }) =>
      await endRosterReconcile(db, reconcileId, ending),
  }
}

function throwBusy(): never {
  throw new AppError('provider_busy', 'Cannot start the run yet: a repair writes to the target', {
    status: 503,
  })
}
