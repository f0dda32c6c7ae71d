import type { ApprovalEffect, ApprovalEffects } from '../activities/approval/effects.ts'
import { createSourceRunEffect } from '../activities/source/approval-effect.ts'
import { runApprovalType } from '../activities/source/compare.ts'
import { createLoginRegistrationEffect } from '../activities/user/login-registration.ts'
import type { WorkerContext } from './context.ts'

/** What each domain does about its approvals, one entry a type. */
export function createApprovalEffects(
  context: Pick<WorkerContext, 'db' | 'config'>,
): ApprovalEffects {
  const { db } = context
  return new Map<string, ApprovalEffect>([
    [runApprovalType, createSourceRunEffect(db)],
    ['login-registration', createLoginRegistrationEffect(db)],
  ])
}
