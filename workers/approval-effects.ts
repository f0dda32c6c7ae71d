import type { ApprovalEffect, ApprovalEffects } from '../activities/approval/effects.ts'
import { createRollbackEffect } from '../activities/license/rollback-effect.ts'
import { createRosterPlanEffect } from '../activities/roster/approval-effect.ts'
import { createSourceRunEffect } from '../activities/source/approval-effect.ts'
import { runApprovalType } from '../activities/source/compare.ts'
import { createLoginRegistrationEffect } from '../activities/user/login-registration.ts'
import { rollbackApprovalType } from '../core/license/rollback.ts'
import { rosterPlanApprovalType } from '../core/roster/workflow.ts'
import type { WorkerContext } from './context.ts'

/** What each domain does about its approvals, one entry a type. */
export function createApprovalEffects(
  context: Pick<WorkerContext, 'db' | 'config'>,
): ApprovalEffects {
  const { db, config } = context
  return new Map<string, ApprovalEffect>([
    [runApprovalType, createSourceRunEffect(db)],
    [rosterPlanApprovalType, createRosterPlanEffect(db)],
    ['login-registration', createLoginRegistrationEffect(db)],
    [rollbackApprovalType, createRollbackEffect({ db, compacts: config.compacts })],
  ])
}
