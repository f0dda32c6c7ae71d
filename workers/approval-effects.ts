import type { ApprovalEffects } from '../activities/approval/effects.ts'

/** What each domain does about its approvals, one entry a type. */
export function createApprovalEffects(): ApprovalEffects {
  return new Map()
}
