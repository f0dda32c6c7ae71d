import { AppError } from '../../core/errors.ts'
import { createRosterSyncStart, rosterRunSubjectType } from '../../core/roster/workflow.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { findAnyRosterProvider, lockRosterProvider } from '../../db/roster/providers.ts'
import { findWritingReconcile } from '../../db/roster/reconciles.ts'
import { findPullStanding, leaveRosterHold } from '../../db/roster/run-states.ts'
import { findRosterRun, findRunningRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { dropRosterStaging } from '../../db/roster/staging.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import type { ApprovalEffect } from '../approval/effects.ts'

const GOES_ON: ReadonlySet<string> = new Set([
  'applying',
  'succeeded',
  'partial',
  'failed',
  'stopped',
])

/**
 * What becomes of a held roster run: approved, it applies exactly the plan that was voted on; ended
 * otherwise, it is discarded, as is a plan whose settings have changed since: it holds no more.
 */
export function createRosterPlanEffect(db: Database): ApprovalEffect {
  return {
    async loadSubject({ subject }) {
      const run = await findRosterRun(db, subject.id)
      const provider = run && (await findAnyRosterProvider(db, run.providerId))
      if (!run?.planHash || provider?.removedAt !== null) return undefined
      if (run.state !== 'held') return GOES_ON.has(run.state) ? { hash: run.planHash } : undefined
      const { version } = await findPullStanding(db, run.id)
      if (version !== null && version >= provider.rosterVersion) return { hash: run.planHash }
      await discard(db, run, run.requestId)
      return undefined
    },
    async apply({ subject, requestId }) {
      await withTransaction(db, async (tx) => {
        const run = await findRosterRun(tx, subject.id)
        if (run?.state !== 'held') return
        await lockRosterProvider(tx, run.providerId)
        // A dry run: it ends by itself.
        if (await findRunningRosterRun(tx, run.providerId)) throwBusy()
        if ((await findWritingReconcile(tx, run.providerId)) !== undefined) throwBusy()
        if (!(await leaveRosterHold(tx, run.id, 'applying'))) return
        await enqueueStart(tx, createRosterSyncStart({ ...run, requestId }, 'applying'))
      })
    },
    async isApplied({ subject }) {
      const run = await findRosterRun(db, subject.id)
      return run !== undefined && GOES_ON.has(run.state)
    },
    async settle({ subject, requestId }) {
      const run = await findRosterRun(db, subject.id)
      if (run) await discard(db, run, requestId)
    },
  }
}

async function discard(db: Database, run: RosterRun, requestId: string): Promise<void> {
  await withTransaction(db, async (tx) => {
    const isDropped = await leaveRosterHold(tx, run.id, 'discarded')
    const { id, tenant, providerId, approvalId } = run
    if (isDropped || run.state === 'discarded') await dropRosterStaging(tx, id)
    if (!isDropped) return
    await appendAudit(tx, [
      {
        actor: 'registrar',
        action: 'roster.discarded',
        subject: { type: rosterRunSubjectType, id },
        cause: { requestId, tenant, providerId, approvalId: approvalId ?? '' },
      },
    ])
  })
}

function throwBusy(): never {
  throw new AppError(
    'provider_busy',
    'Cannot apply the plan yet: something else writes to the target',
    {
      status: 503,
    },
  )
}
