import { rosterQueue, type WorkflowStart } from '../workflow-start.ts'
import type { RosterRunState, RosterTrigger } from './run.ts'
import type { RosterMode } from './source.ts'

/** The name under which Temporal knows a sync; it never changes. */
export const rosterSyncWorkflowType = 'rosterSync'

/** The name under which Temporal knows a comparison of a target; it never changes. */
export const rosterReconcileWorkflowType = 'rosterReconcile'

/** The approval type of a plan that is held; its subject is `{type: 'roster-run', id: <run>}`. */
export const rosterPlanApprovalType = 'roster-plan'
export const rosterRunSubjectType = 'roster-run'

/** What a sync is started with; a schedule names no run, which is then added first. */
export type RosterSyncInput = {
  readonly providerId: string
  readonly runId?: string
  /** For a run that is added. */
  readonly mode?: RosterMode
  readonly trigger?: RosterTrigger
  /** Where it begins: a run that was held goes on with the plan that it kept. */
  readonly from?: 'pulling' | 'applying'
}

/** What a comparison is started with; the rest is in its report. */
export type RosterReconcileInput = { readonly reconcileId: string }

type StartedRun = { readonly id: string; readonly providerId: string; readonly requestId: string }

/** The workflow of a run: from its beginning, or from where it was held. */
export function createRosterSyncStart(
  { id, providerId, requestId }: StartedRun,
  from: 'pulling' | 'applying',
): WorkflowStart {
  return {
    workflowId: rosterWorkflowId(id, from),
    workflowType: rosterSyncWorkflowType,
    taskQueue: rosterQueue,
    input: { providerId, runId: id, from },
    summary: from === 'pulling' ? 'Syncs a roster' : 'Applies the plan of a roster that was held',
    requestId,
    searchAttributes: { RegistrarDomain: 'roster' },
  }
}

/** The workflow id of a run, before and after it was held. */
export function rosterWorkflowId(runId: string, from: 'pulling' | 'applying'): string {
  return from === 'pulling' ? `roster-run:${runId}` : `roster-run:${runId}:decided`
}

/** The workflow that compares a target with what was applied. */
export function createRosterReconcileStart({
  id,
  requestId,
}: Omit<StartedRun, 'providerId'>): WorkflowStart {
  return {
    workflowId: rosterReconcileWorkflowId(id),
    workflowType: rosterReconcileWorkflowType,
    taskQueue: rosterQueue,
    input: { reconcileId: id },
    summary: 'Compares the accounts of a roster with what was applied',
    requestId,
    searchAttributes: { RegistrarDomain: 'roster' },
  }
}

/** The workflow id of one comparison of a target. */
export function rosterReconcileWorkflowId(reconcileId: string): string {
  return `roster-reconcile:${reconcileId}`
}

/** The ids of a provider's schedules: of its usual runs, and of its periodic full ones. */
export function rosterScheduleId(providerId: string, mode: RosterMode): string {
  return `roster:${providerId}:${mode}`
}

/** A signal without content: somebody has asked the run to end. */
export const rosterStopSignal = 'stop'

/** A signal without content: makes sure that the run's workflow is there, and sees what has changed. */
export const rosterWakeSignal = 'wake'

/**
 * Starts a run's workflow again where it was lost; one that is there looks whether it may go on, where
 * it waits for the end of a pause.
 */
export function createRosterWake(
  run: StartedRun & {
    readonly state: RosterRunState
    readonly approvalId: string | null
    /** The workflow that added the run, where one did. */
    readonly workflowId: string | null
  },
): WorkflowStart {
  const signal = { name: rosterWakeSignal, input: undefined }
  const isDecided = run.state === 'applying' && run.approvalId !== null
  if (isDecided) return { ...createRosterSyncStart(run, 'applying'), signal }
  const start = createRosterSyncStart(run, 'pulling')
  return { ...start, workflowId: run.workflowId ?? start.workflowId, signal }
}
