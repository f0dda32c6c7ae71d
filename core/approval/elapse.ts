import { isPending, type Approval, type ApprovalEvent, type Timer } from './approval.ts'
import { close, type Step } from './step.ts'

/**
 * Lets time pass: spends the timers that are due. Each looks at the state first: an end takes
 * precedence, several reminders that are due at once are one, and what is closed stays as it is.
 */
export function elapse(approval: Approval, now: Date): Step {
  const isDue = ({ isSpent, at }: Timer): boolean => !isSpent && at <= now
  const due = approval.timers.filter(isDue)
  if (due.length === 0) return { approval, events: [] }
  const spent = {
    ...approval,
    timers: approval.timers.map((timer) => (isDue(timer) ? { ...timer, isSpent: true } : timer)),
  }
  if (!isPending(approval.state)) return { approval: spent, events: [] }
  if (due.some(({ kind }) => kind === 'expiry')) return close(spent, 'expired')
  return act(spent, due)
}

function act(approval: Approval, due: readonly Timer[]): Step {
  const isEscalated = due.some(
    ({ kind, stage }) => kind === 'escalation' && stage === approval.stage,
  )
  const isReminded = approval.state === 'open' && due.some(({ kind }) => kind === 'reminder')
  const escalated: ApprovalEvent = { event: 'escalated', detail: { stage: approval.stage } }
  const reminded: ApprovalEvent = { event: 'reminded', detail: { stage: approval.stage } }
  return {
    approval: { ...approval, isEscalated: approval.isEscalated || isEscalated },
    events: [...(isEscalated ? [escalated] : []), ...(isReminded ? [reminded] : [])],
  }
}
