export const rollbackStates = [
  'planning',
  'planned',
  'awaiting-approval',
  'applying',
  'applied',
  'failed',
  'denied',
  'expired',
  'withdrawn',
  'superseded',
] as const
export type RollbackState = (typeof rollbackStates)[number]

/** What becomes of a license: its former content, none at all, back again, or as it is. */
export const rollbackActions = ['restore', 'remove', 'recreate', 'keep'] as const
export type RollbackAction = (typeof rollbackActions)[number]

/**
 * Why a license is kept: it was changed since; it carries an encumbrance or an investigation; a
 * privilege rests on it; its licensee has made it their home.
 */
export const keepReasons = ['changed-since', 'marked', 'privilege', 'registered'] as const
export type KeepReason = (typeof keepReasons)[number]

/** What a rollback takes back: an upload, or another rollback. */
export type RollbackTarget = { readonly kind: 'upload' | 'rollback'; readonly id: string }

/** Licenses by what becomes of them. */
export type RollbackCounts = {
  readonly restored: number
  readonly removed: number
  readonly recreated: number
  readonly kept: number
}

/** The name under which approvals of rollbacks are known. */
export const rollbackApprovalType = 'license-rollback'

/** True when a plan would change nothing. */
export function isIdle({ restored, removed, recreated }: RollbackCounts): boolean {
  return restored + removed + recreated === 0
}

/** True while a rollback has not come to its end. */
export function isOpenRollback(state: RollbackState): boolean {
  return state === 'planning' || state === 'awaiting-approval' || state === 'applying'
}
