import { withTransaction, type Database } from '../../db/client.ts'
import { forgetPendingItems } from '../../db/source/items.ts'
import { findSourceRun, leaveHold } from '../../db/source/runs.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import { createSourcePullStart } from '../../core/source/workflow.ts'
import type { ApprovalEffect } from '../approval/effects.ts'

/** What becomes of a held run: approved, it posts what it kept; ended otherwise, it is discarded. */
export function createSourceRunEffect(db: Database): ApprovalEffect {
  return {
    async loadSubject({ subject }) {
      const run = await findSourceRun(db, subject.id)
      return run?.planHash ? { hash: run.planHash } : undefined
    },
    async apply({ subject }) {
      await withTransaction(db, async (tx) => {
        if (!(await leaveHold(tx, subject.id, 'posting'))) return
        const run = await findSourceRun(tx, subject.id)
        if (run) await enqueueStart(tx, createSourcePullStart(run, 'posting'))
      })
    },
    async isApplied({ subject }) {
      const run = await findSourceRun(db, subject.id)
      return run !== undefined && ['posting', 'succeeded', 'partial'].includes(run.state)
    },
    async settle({ subject }) {
      await withTransaction(db, async (tx) => {
        if (await leaveHold(tx, subject.id, 'discarded')) await forgetPendingItems(tx, subject.id)
      })
    },
  }
}
