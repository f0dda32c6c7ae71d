import {
  isPending,
  type Approval,
  type ApprovalEvent,
  type Claims,
  type Electorate,
  type Person,
  type Vote,
} from './approval.ts'
import { listStageTimers } from './deadlines.ts'
import { elapse } from './elapse.ts'
import { findEligibilityFault } from './eligibility.ts'
import { close, type Moment, type Refusal, type Step } from './step.ts'
import { isDenied, tallyStage } from './tally.ts'

/** A vote as it is cast. */
export type Ballot = {
  readonly id: string
  readonly actor: Person
  readonly actingFor?: Person | undefined
  readonly verdict: Vote['verdict']
  readonly hasReason: boolean
  readonly subjectHash: string
  readonly claims: Claims
}

/** Takes a vote and closes the stage, or the approval, that it decides. */
export function castVote(before: Approval, ballot: Ballot, moment: Moment): Step {
  const { approval, events } = elapse(before, moment.now)
  const vote = toVote(approval, ballot, moment.now)
  const refusal = findVoteRefusal(approval, { ballot, vote, electorate: moment.electorate })
  if (refusal) return { approval, events, refusal }
  const voted = { ...approval, votes: [...approval.votes, vote] }
  const decided = decide(voted, moment)
  return { approval: decided.approval, events: [...events, toVoted(vote), ...decided.events] }
}

function toVote(approval: Approval, ballot: Ballot, at: Date): Vote {
  const { id, actor, verdict, claims } = ballot
  // Who acts for themselves acts for nobody else.
  const actingFor = ballot.actingFor === actor ? undefined : ballot.actingFor
  return { id, stage: approval.stage, actor, actingFor, verdict, claims, at }
}

function toVoted({ verdict, stage }: Vote): ApprovalEvent {
  return { event: 'voted', detail: { verdict, stage } }
}

type Cast = {
  readonly ballot: Ballot
  readonly vote: Vote
  readonly electorate: Electorate
}

function findVoteRefusal(
  approval: Approval,
  { ballot, vote, electorate }: Cast,
): Refusal | undefined {
  if (!isPending(approval.state)) return 'approval_closed'
  const fault = findEligibilityFault(approval, vote, electorate)
  if (fault) return fault
  if (ballot.subjectHash !== approval.subjectHash) return 'subject_changed'
  if (approval.state === 'info-requested') return 'info_requested'
  const isMute = approval.policy.justification === 'required' && !ballot.hasReason
  return isMute ? 'reason_required' : undefined
}

// Denials are looked at before approvals.
function decide(approval: Approval, { now, electorate }: Moment): Step {
  const tally = tallyStage(approval, electorate)
  const counted = {
    ...approval,
    tallies: [...approval.tallies.slice(0, approval.stage - 1), tally],
  }
  if (isDenied(counted, tally)) return close(counted, 'denied', { stage: approval.stage })
  if (tally.approve < tally.needed) return { approval: counted, events: [] }
  if (approval.stage === approval.policy.stages.length) return close(counted, 'approved')
  return passStage(counted, now)
}

function passStage(approval: Approval, now: Date): Step {
  const stage = approval.stage + 1
  const timers = listStageTimers(approval.policy, { stage, startedAt: now })
  return {
    approval: {
      ...approval,
      stage,
      isEscalated: false,
      votes: [],
      timers: [...approval.timers, ...timers],
    },
    events: [{ event: 'stage-passed', detail: { stage: approval.stage } }],
  }
}
