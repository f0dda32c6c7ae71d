import { randomUUID } from 'node:crypto'
import { findPause } from '../../core/roster/pause.ts'
import type { RosterTrigger } from '../../core/roster/run.ts'
import {
  createRosterSyncStart,
  rosterPlanApprovalType,
  rosterRunSubjectType,
} from '../../core/roster/workflow.ts'
import { appendAudit } from '../audit.ts'
import { supersedeApproval, type QueuedRun } from '../approval/open.ts'
import type { Queryable } from '../client.ts'
import { enqueueStart } from '../workflow-starts.ts'
import {
  countSkippedStart,
  lockRosterProvider,
  setProviderWake,
  type RosterProvider,
} from './providers.ts'
import { findWritingReconcile } from './reconciles.ts'
import { findRosterWorkflow, setRosterWorkflow } from './run-workflow.ts'
import { findRunningRosterRun, insertRosterRun, type NewRosterRun, type RosterRun } from './runs.ts'

export type RunRequest = Pick<
  NewRosterRun,
  | 'providerId'
  | 'mode'
  | 'trigger'
  | 'startedBy'
  | 'requestId'
  | 'selection'
  | 'dryRun'
  | 'addsOnly'
  | 'isForced'
  | 'uploadId'
> & {
  readonly now: Date
  readonly traceparent?: string | undefined
  /** Of the workflow that adds the run; its own one unless said. */
  readonly workflowId?: string | undefined
}

export type RunStart =
  | {
      readonly outcome: 'started'
      readonly run: RosterRun
      /** To be handed over after the commit, or left to the relay. */
      readonly queued: readonly QueuedRun[]
    }
  /** Another run of the provider is under way. */
  | { readonly outcome: 'running'; readonly runId: string }
  /** A comparison of the target writes: for seconds. */
  | { readonly outcome: 'repairing'; readonly reconcileId: string }
  | { readonly outcome: 'paused'; readonly until: Date | undefined }
  /** The provider is not there, or not any more. */
  | { readonly outcome: 'unknown' }

// Who starts what no person does.
const SELF = 'registrar'

/**
 * Adds a run and queues its workflow, unless one is under way or the provider pauses; a start by
 * itself that falls into a pause is counted. A run that was held is discarded: this one plans anew.
 */
export async function startRosterRun(tx: Queryable, request: RunRequest): Promise<RunStart> {
  const added = await addRosterRun(tx, request)
  if (added.outcome !== 'started') return added
  const start = {
    ...createRosterSyncStart(added.run, 'pulling'),
    traceparent: request.traceparent,
  }
  const queued = [...added.queued, { id: await enqueueStart(tx, start), start }]
  return { ...added, queued }
}

/** The same for a workflow that runs already, and only needs its run. */
export async function addRosterRun(tx: Queryable, request: RunRequest): Promise<RunStart> {
  const { providerId, trigger } = request
  const provider = await lockRosterProvider(tx, providerId)
  if (!provider) return { outcome: 'unknown' }
  const running = await findRunningRosterRun(tx, providerId)
  if (running && (await isOwnRun(tx, running.id, request))) {
    return { outcome: 'started', run: running, queued: [] }
  }
  if (running) return { outcome: 'running', runId: running.id }
  const reconcileId = await findWritingReconcile(tx, providerId)
  if (reconcileId !== undefined) return { outcome: 'repairing', reconcileId }
  const pause = findPauseOf(provider, request)
  if (pause) {
    if (isByItself(trigger)) await countSkippedStart(tx, providerId)
    return { outcome: 'paused', until: pause.until }
  }
  const { tenant } = provider
  const run = await insertRosterRun(tx, { ...request, id: randomUUID(), tenant })
  // Not reached while the provider's row is locked.
  if (!run) return { outcome: 'unknown' }
  if (request.workflowId !== undefined) await setRosterWorkflow(tx, run.id, request.workflowId)
  const queued = run.dryRun ? [] : await discardHeldRuns(tx, provider, request)
  if (isWhole(run)) await setProviderWake(tx, providerId, null)
  await appendAudit(tx, [
    {
      actor: request.startedBy ?? SELF,
      action: 'roster.started',
      subject: { type: rosterRunSubjectType, id: run.id },
      cause: { requestId: request.requestId, tenant, providerId, mode: run.mode, trigger },
    },
  ])
  return { outcome: 'started', run, queued }
}

/** Ends what waits for a decision, as a newer plan or the provider's end makes it void. */
export async function discardHeldRuns(
  tx: Queryable,
  { id, tenant }: Pick<RosterProvider, 'id' | 'tenant'>,
  by: { readonly startedBy: string | null; readonly requestId: string },
): Promise<readonly QueuedRun[]> {
  const { rows } = await tx.query<{ id: string }>(
    `update roster_runs set state = 'discarded', ended_at = clock_timestamp()
     where provider_id = $1::uuid and state = 'held'
     returning id`,
    [id],
  )
  const { requestId } = by
  const actor = by.startedBy ?? undefined
  const queued: QueuedRun[] = []
  for (const run of rows) {
    const subject = { type: rosterRunSubjectType, id: run.id }
    await appendAudit(tx, [
      { actor: actor ?? SELF, action: 'roster.discarded', subject, cause: { requestId, tenant } },
    ])
    const ended = { type: rosterPlanApprovalType, subject, requestId, actor }
    queued.push(...(await supersedeApproval(tx, ended)))
  }
  return queued
}

// What a workflow asks again, because it did not hear the answer.
async function isOwnRun(
  tx: Queryable,
  runId: string,
  { workflowId }: RunRequest,
): Promise<boolean> {
  return workflowId !== undefined && (await findRosterWorkflow(tx, runId)) === workflowId
}

function findPauseOf(
  { isPaused, settings }: RosterProvider,
  { trigger, isForced, now }: RunRequest,
): { readonly until: Date | undefined } | undefined {
  if (isForced) return undefined
  const pause = findPause(settings.pauses, settings.timeZone, now)
  if (pause) return pause
  // A provider that somebody paused can be run by hand.
  return isPaused && isByItself(trigger) ? { until: undefined } : undefined
}

function isByItself(trigger: RosterTrigger): boolean {
  return trigger === 'schedule' || trigger === 'webhook'
}

// Whoever asked for a run gets by this one all that they asked for.
function isWhole({ dryRun, selection, addsOnly, uploadId }: RosterRun): boolean {
  return !dryRun && selection === null && !addsOnly && uploadId === null
}
