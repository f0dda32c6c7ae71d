import type { Approval } from './approval.ts'
import { close, type Step } from './step.ts'

/** The effect is about to be brought about, for the first time or again. */
export function beginEffect(approval: Approval): Step {
  const isDue = approval.state === 'approved' || approval.state === 'applying'
  if (!isDue) return { approval, events: [], refusal: 'approval_closed' }
  return { approval: { ...approval, state: 'applying' }, events: [] }
}

/** The effect was read back. */
export function finishEffect(approval: Approval): Step {
  if (approval.state !== 'applying') return { approval, events: [], refusal: 'approval_closed' }
  return close(approval, 'applied')
}

/** The effect could not be brought about: `code` says why. */
export function failEffect(approval: Approval, { code }: { readonly code: string }): Step {
  const isDue = approval.state === 'approved' || approval.state === 'applying'
  if (!isDue) return { approval, events: [], refusal: 'approval_closed' }
  return close(approval, 'apply-failed', { code })
}

/** Lets an effect that failed be tried again. */
export function retryEffect(approval: Approval): Step {
  if (approval.state !== 'apply-failed') return { approval, events: [], refusal: 'not_failed' }
  return { approval: { ...approval, state: 'applying' }, events: [] }
}
