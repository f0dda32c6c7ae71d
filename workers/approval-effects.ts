import type { ApprovalEffects } from '../activities/approval/effects.ts'
import { createSourceRunEffect } from '../activities/source/approval-effect.ts'
import { runApprovalType } from '../activities/source/compare.ts'
import type { Database } from '../db/client.ts'

/** What each domain does about its approvals, one entry a type. */
export function createApprovalEffects(db: Database): ApprovalEffects {
  return new Map([[runApprovalType, createSourceRunEffect(db)]])
}
