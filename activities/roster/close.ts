import type { RosterCounts, RosterRunState } from '../../core/roster/run.ts'
import { rosterRunSubjectType } from '../../core/roster/workflow.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { noteSchools } from '../../db/roster/base.ts'
import { replaceBlocks } from '../../db/roster/blocks.ts'
import { insertRosterEvent } from '../../db/roster/events.ts'
import { judgePull } from '../../db/roster/pull-result.ts'
import {
  endRosterRun,
  findPullStanding,
  hasRosterErrors,
  moveCursor,
} from '../../db/roster/run-states.ts'
import { findRosterRun, lockRosterRun } from '../../db/roster/runs.ts'
import { markSettled } from '../../db/roster/settled.ts'
import { analyzeRosters } from '../../db/roster/sets.ts'
import { createRosterStaging, dropRosterStaging } from '../../db/roster/staging.ts'
import { waitsForDecision } from './apply.ts'
import { hold } from './hold.ts'
import { lockPlanning } from './plan.ts'
import { getRunParts, type RunParts } from './roster-deps.ts'
import { assertNotStopped, withCancellation } from './stop.ts'

// So many new accounts and the planner is told at once, not when the server gets to it.
const MANY = 1_000

export type Outcome = { readonly state: RosterRunState; readonly counts: RosterCounts }

/**
 * Closes the books of a run that has written what it may: what was read is the roster as it was last
 * applied, the cursor moves, and the run ends; or what is left of it waits for a decision.
 */
export async function closeRun(db: Database, runId: string, signal: AbortSignal): Promise<Outcome> {
  await withTransaction(db, async (tx) => {
    await withCancellation(db, { tx, signal }, async () => {
      await lockPlanning(tx, runId)
      const parts = await getRunParts(tx, runId)
      if (parts.run.state !== 'applying') return
      if (waitsForDecision(parts.run)) await putOff(tx, parts)
      else await close(tx, parts)
    })
  })
  const outcome = await readOutcome(db, runId)
  if ((outcome.counts.users?.created ?? 0) > MANY) await analyzeRosters(db)
  return outcome
}

async function putOff(tx: Transaction, parts: RunParts): Promise<void> {
  const locked = await lockRosterRun(tx, parts.run.id)
  if (locked?.state !== 'applying') return
  assertNotStopped(locked)
  await hold(tx, parts)
}

async function close(tx: Transaction, { run, provider }: RunParts): Promise<void> {
  const { id: runId } = run
  const startedAt = run.startedAt ?? run.createdAt
  const { isComplete } = await judgePull(tx, run)
  // What is limited says nothing of the rest: the next run finds the source as this one did.
  if (run.selection === null && isComplete) {
    const { version } = await findPullStanding(tx, runId)
    await moveCursor(tx, provider.id, {
      cursor: run.baseline,
      at: startedAt,
      version: run.mode === 'full' ? (version ?? undefined) : undefined,
    })
  }
  await lockRosterRun(tx, runId)
  const state = (await hasRosterErrors(tx, runId)) ? 'partial' : 'succeeded'
  const hasEnded = await endRosterRun(tx, runId, { state })
  if (hasEnded && (await markSettled(tx, runId))) {
    await replaceBlocks(tx, { runId, providerId: provider.id })
  }
  await dropRosterStaging(tx, runId)
  if (hasEnded) await tellEnd(tx, { run, provider }, state)
}

/** Ends a run that cannot go on, or is not to. */
export async function endRun(
  db: Database,
  {
    runId,
    state,
    code,
    message,
  }: {
    readonly runId: string
    readonly state: 'failed' | 'stopped'
    readonly code?: string | undefined
    readonly message?: string | undefined
  },
): Promise<Outcome> {
  await withTransaction(db, async (tx) => {
    await lockPlanning(tx, runId)
    const run = await findRosterRun(tx, runId)
    if (!run || !(await endRosterRun(tx, runId, { state, code, message }))) return
    await createRosterStaging(tx, runId)
    await noteSchools(tx, { runId, providerId: run.providerId })
    await dropRosterStaging(tx, runId)
    await tellEnd(tx, { run, provider: { id: run.providerId } }, state)
  })
  return await readOutcome(db, runId)
}

async function tellEnd(
  tx: Transaction,
  { run, provider }: Pick<RunParts, 'run'> & { readonly provider: { readonly id: string } },
  state: 'succeeded' | 'partial' | 'failed' | 'stopped',
): Promise<void> {
  const isSynced = state === 'succeeded' || state === 'partial'
  await insertRosterEvent(tx, run.id, isSynced ? 'roster.synced' : 'roster.failed')
  await appendAudit(tx, [
    {
      actor: run.startedBy ?? 'registrar',
      action: isSynced ? 'roster.synced' : `roster.${state}`,
      subject: { type: rosterRunSubjectType, id: run.id },
      cause: {
        requestId: run.requestId,
        tenant: run.tenant,
        providerId: provider.id,
        mode: run.mode,
        state,
        ...(run.planHash !== null && { planHash: run.planHash }),
        ...(run.approvalId !== null && { approvalId: run.approvalId }),
      },
    },
  ])
}

async function readOutcome(db: Database, runId: string): Promise<Outcome> {
  const run = await findRosterRun(db, runId)
  return { state: run?.state ?? 'failed', counts: run?.counts ?? {} }
}
