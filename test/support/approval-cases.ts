import type { Approval, Electorate, Group } from '../../core/approval/approval.ts'
import { requestInfo, provideInfo, delegate } from '../../core/approval/commands.ts'
import { findExpiry, listOpeningTimers } from '../../core/approval/deadlines.ts'
import { policySchema, type Policy } from '../../core/approval/policy.ts'
import type { Moment, Step } from '../../core/approval/step.ts'
import { castVote, type Ballot } from '../../core/approval/vote.ts'

export const openedAt = new Date('2025-06-02T09:00:00Z')
export const SUBJECT_HASH = 'a1'.repeat(32)

/** A policy of one stage of group `approvers`, quorum 2, a week, unless said. */
export function samplePolicy(change: Record<string, unknown> = {}): Policy {
  return policySchema.parse({
    stages: [{ name: 'first', approvers: { group: 'approvers' }, quorum: 2 }],
    expiresAfter: 'P7D',
    ...change,
  })
}

/** An approval that was opened a moment ago by `requester`. */
export function sampleApproval(change: Partial<Approval> = {}): Approval {
  const policy = change.policy ?? samplePolicy()
  return {
    state: 'open',
    stage: 1,
    isEscalated: false,
    policy,
    subjectHash: SUBJECT_HASH,
    requester: 'requester',
    beneficiary: undefined,
    tenant: undefined,
    expiresAt: findExpiry(policy, openedAt),
    timers: listOpeningTimers(policy, openedAt),
    votes: [],
    delegations: [],
    tallies: [],
    ...change,
  }
}

/** Groups by name with their members. */
export function sampleElectorate(groups: Readonly<Record<string, readonly string[]>>): Electorate {
  const entries = Object.entries(groups).map(([name, members]): [string, Group] => [
    name,
    { size: members.length, members: new Set(members) },
  ])
  return { groups: new Map(entries), disabled: new Set() }
}

/** Seconds after the opening. */
export function momentAt(seconds: number, electorate: Electorate): Moment {
  return { now: new Date(openedAt.getTime() + seconds * 1_000), electorate }
}

/** Drives an approval through what people do, second by second. */
export class ApprovalDriver {
  approval: Approval
  electorate: Electorate
  seconds = 0
  readonly events: string[] = []
  #ballots = 0

  constructor(approval: Approval, electorate: Electorate) {
    this.approval = approval
    this.electorate = electorate
  }

  /** The refusal, if any, else `state`. */
  take(step: (approval: Approval, moment: Moment) => Step): string {
    this.seconds += 1
    const { approval, events, refusal } = step(
      this.approval,
      momentAt(this.seconds, this.electorate),
    )
    this.approval = approval
    this.events.push(...events.map(({ event }) => event))
    return refusal ?? approval.state
  }

  vote(actor: string, change: Partial<Ballot> = {}): string {
    this.#ballots += 1
    const ballot: Ballot = {
      id: `vote-${this.#ballots}`,
      actor,
      verdict: 'approve',
      hasReason: true,
      subjectHash: SUBJECT_HASH,
      claims: { scopes: [] },
      ...change,
    }
    return this.take((approval, moment) => castVote(approval, ballot, moment))
  }

  delegate(from: string, to: string, seconds = 3_600): string {
    const until = momentAt(this.seconds + seconds, this.electorate).now
    const wanted = { from, to, until, name: to, claims: { scopes: [] } }
    return this.take((approval, moment) => delegate(approval, wanted, moment))
  }

  ask(actor: string): string {
    const asker = { actor, claims: { scopes: [] }, question: 'Why?' }
    return this.take((approval, moment) => requestInfo(approval, asker, moment))
  }

  answer(actor: string): string {
    return this.take((approval, moment) =>
      provideInfo(approval, { actor, answer: 'Because' }, moment),
    )
  }
}
