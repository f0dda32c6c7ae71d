import {
  isPending,
  type Approval,
  type ApprovalEvent,
  type Claims,
  type Delegation,
  type Person,
} from './approval.ts'
import { elapse } from './elapse.ts'
import { isApprover, isBarred } from './eligibility.ts'
import { close, type Moment, type Refusal, type Step } from './step.ts'

/** Asks the requester a question; there are no votes until it is answered. */
export function requestInfo(
  before: Approval,
  asker: { readonly actor: Person; readonly claims: Claims; readonly question: string },
  moment: Moment,
): Step {
  const { approval, events } = elapse(before, moment.now)
  const refusal = isPending(approval.state)
    ? (findApproverFault(approval, asker, moment) ?? refuseUnlessOpen(approval))
    : 'approval_closed'
  if (refusal) return { approval, events, refusal }
  const asked: ApprovalEvent = { event: 'info-requested', detail: { question: asker.question } }
  return { approval: { ...approval, state: 'info-requested' }, events: [...events, asked] }
}

/** Answers the question: votes go on, those from before it stay. */
export function provideInfo(
  before: Approval,
  { actor, answer }: { readonly actor: Person; readonly answer: string },
  { now }: Pick<Moment, 'now'>,
): Step {
  const { approval, events } = elapse(before, now)
  const { state, requester, beneficiary } = approval
  if (actor !== requester && actor !== beneficiary) {
    return { approval, events, refusal: 'not_a_party' }
  }
  if (!isPending(state)) return { approval, events, refusal: 'approval_closed' }
  if (state === 'open') return { approval, events, refusal: 'not_requested' }
  const answered: ApprovalEvent = { event: 'info-provided', detail: { answer } }
  return { approval: { ...approval, state: 'open' }, events: [...events, answered] }
}

/**
 * Lets somebody vote for an approver until a time. Who only holds a delegation cannot pass it on,
 * and who never votes neither gives nor gets one.
 */
export function delegate(
  before: Approval,
  wanted: Omit<Delegation, 'since'> & { readonly name: string },
  moment: Moment,
): Step {
  const { approval, events } = elapse(before, moment.now)
  const { from, to, until, claims, name } = wanted
  const refusal = isPending(approval.state)
    ? findApproverFault(approval, { actor: from, claims }, moment)
    : 'approval_closed'
  if (refusal) return { approval, events, refusal }
  if (isBarred(approval, to)) return { approval, events, refusal: 'four_eyes' }
  const delegation = { from, to, claims, since: moment.now, until }
  const delegated: ApprovalEvent = {
    event: 'delegated',
    detail: { to: name, until: until.toISOString() },
  }
  return {
    approval: { ...approval, delegations: [...approval.delegations, delegation] },
    events: [...events, delegated],
  }
}

/** Takes the request back. */
export function withdraw(
  before: Approval,
  { actor, reason }: { readonly actor: Person; readonly reason?: string | undefined },
  { now }: Pick<Moment, 'now'>,
): Step {
  const { approval, events } = elapse(before, now)
  if (actor !== approval.requester) return { approval, events, refusal: 'not_a_party' }
  if (!isPending(approval.state)) return { approval, events, refusal: 'approval_closed' }
  const closed = close(approval, 'withdrawn', reason === undefined ? undefined : { reason })
  return { approval: closed.approval, events: [...events, ...closed.events] }
}

/** Ends an approval whose subject has changed: its votes were for something else. */
export function supersede(before: Approval, { now }: Pick<Moment, 'now'>): Step {
  const { approval, events } = elapse(before, now)
  if (!isPending(approval.state)) return { approval, events, refusal: 'approval_closed' }
  const closed = close(approval, 'superseded')
  return { approval: closed.approval, events: [...events, ...closed.events] }
}

/** Takes back what was approved and applied. */
export function revoke(approval: Approval, { reason }: { readonly reason: string }): Step {
  if (approval.state !== 'applied') return { approval, events: [], refusal: 'not_applied' }
  return close(approval, 'revoked', { reason })
}

function findApproverFault(
  approval: Approval,
  person: { readonly actor: Person; readonly claims: Claims },
  { electorate }: Moment,
): Refusal | undefined {
  if (isBarred(approval, person.actor)) return 'four_eyes'
  return isApprover(approval, person, electorate) ? undefined : 'not_an_approver'
}

function refuseUnlessOpen({ state }: Approval): Refusal | undefined {
  return state === 'info-requested' ? 'info_requested' : undefined
}
