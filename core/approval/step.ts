import type { Approval, ApprovalEvent, ApprovalState, Electorate } from './approval.ts'

/** Why something is not done; callers know these codes. */
export type Refusal =
  | 'approval_closed'
  | 'four_eyes'
  | 'not_an_approver'
  | 'subject_changed'
  | 'info_requested'
  | 'reason_required'
  | 'not_requested'
  | 'not_a_party'
  | 'not_applied'
  | 'not_failed'

/** The approval afterwards and what happened; with a refusal only what had happened before it. */
export type Step = {
  readonly approval: Approval
  readonly events: readonly ApprovalEvent[]
  readonly refusal?: Refusal
}

/** When it happens, and who belongs to which group then. */
export type Moment = { readonly now: Date; readonly electorate: Electorate }

/** The approval in a state in which it is closed, or applied, and the event of the same name. */
export function close(
  approval: Approval,
  state: Exclude<ApprovalState, 'open' | 'info-requested' | 'applying'>,
  detail?: ApprovalEvent['detail'],
): Step {
  return { approval: { ...approval, state }, events: [{ event: state, ...(detail && { detail }) }] }
}
