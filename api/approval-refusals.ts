import type { ApprovalState } from '../core/approval/approval.ts'
import type { Refusal } from '../core/approval/step.ts'
import { AppError } from '../core/errors.ts'

type Answer = { readonly status: number; readonly reason: string }

const ANSWERS: Readonly<Record<Refusal, Answer>> = {
  approval_closed: { status: 409, reason: 'it is closed' },
  four_eyes: {
    status: 403,
    reason: 'requester, beneficiary and their delegates never decide it, nor are delegated to',
  },
  not_an_approver: { status: 403, reason: 'you are no approver of its present stage' },
  subject_changed: { status: 409, reason: 'its subject is not the one that you looked at' },
  info_requested: { status: 409, reason: 'it waits for the answer to a question' },
  reason_required: { status: 422, reason: 'its policy demands a reason' },
  not_requested: { status: 409, reason: 'nobody has asked a question' },
  not_a_party: { status: 403, reason: 'only who it is for can do this' },
  not_applied: { status: 409, reason: 'it is not applied' },
  not_failed: { status: 409, reason: 'its effect has not failed' },
}

/** The refusals as an operation documents them: status → when. */
export function listRefusals(...codes: readonly Refusal[]): Record<number, string> {
  const byStatus = new Map<number, string[]>()
  for (const code of codes) {
    const { status, reason } = ANSWERS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${reason}`])
  }
  return Object.fromEntries([...byStatus].map(([status, reasons]) => [status, reasons.join('; ')]))
}

/** The error for a refusal; one of 409 has a member `state` that says how the approval stands. */
export function createRefusal(
  refusal: Refusal,
  { approvalId, state }: { readonly approvalId: string; readonly state: ApprovalState },
): AppError {
  const { status, reason } = ANSWERS[refusal]
  return new AppError(refusal, `Cannot do this to approval "${approvalId}": ${reason}`, {
    status,
    details: {
      ...(status === 409 && { members: { state } }),
      ...(refusal === 'reason_required' && {
        errors: [{ pointer: '/reason', code: 'required', detail: 'The policy demands a reason' }],
      }),
    },
  })
}
