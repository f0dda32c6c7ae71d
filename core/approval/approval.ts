import type { Policy } from './policy.ts'

export const approvalStates = [
  'open',
  'info-requested',
  'approved',
  'applying',
  'applied',
  'apply-failed',
  'denied',
  'expired',
  'withdrawn',
  'superseded',
  'revoked',
] as const
export type ApprovalState = (typeof approvalStates)[number]

/** What the history of an approval tells. */
export const approvalEventNames = [
  'opened',
  'voted',
  'vote-refused',
  'info-requested',
  'info-provided',
  'delegated',
  'reminded',
  'escalated',
  'stage-passed',
  'approved',
  'denied',
  'expired',
  'withdrawn',
  'superseded',
  'applied',
  'apply-failed',
  'revoked',
] as const
export type ApprovalEventName = (typeof approvalEventNames)[number]

export type ApprovalEvent = {
  readonly event: ApprovalEventName
  readonly detail?: Readonly<Record<string, string | number>>
}

export type Verdict = 'approve' | 'deny'

/** A login as `loginKey` makes it: people are compared by it. */
export type Person = string

/** What a voter's token was found to hold: of the policy's scopes these, and its tenant. */
export type Claims = { readonly scopes: readonly string[]; readonly tenant?: string | undefined }

export type Vote = {
  readonly id: string
  readonly stage: number
  readonly actor: Person
  /** The delegator whose mandate this is; absent: the actor's own. */
  readonly actingFor?: Person | undefined
  readonly verdict: Verdict
  readonly claims: Claims
  readonly at: Date
}

/** `from` lets `to` vote for them: from `since` on, and before `until`. */
export type Delegation = {
  readonly from: Person
  readonly to: Person
  /** Of the delegator's token when they delegated. */
  readonly claims: Claims
  readonly since: Date
  readonly until: Date
}

export type TimerKind = 'reminder' | 'escalation' | 'expiry'

/** Something to be looked at once, at an absolute time. */
export type Timer = {
  readonly kind: TimerKind
  readonly at: Date
  /** Of an escalation. */
  readonly stage?: number | undefined
  /** Its time has come, whether there was something to do or not. */
  readonly isSpent: boolean
}

/** How the votes of a stage stand: those that count, and the approvals that are needed. */
export type Tally = { readonly approve: number; readonly deny: number; readonly needed: number }

/** Everything that an approval's rules look at. */
export type Approval = {
  readonly state: ApprovalState
  /** From 1. */
  readonly stage: number
  readonly isEscalated: boolean
  readonly policy: Policy
  readonly subjectHash: string
  readonly requester: Person | undefined
  readonly beneficiary: Person | undefined
  readonly tenant: string | undefined
  readonly expiresAt: Date
  readonly timers: readonly Timer[]
  /** Of the present stage, in the order in which they were taken; of each actor at least the last. */
  readonly votes: readonly Vote[]
  readonly delegations: readonly Delegation[]
  /** Of the stages so far, as they stood at the last tally. */
  readonly tallies: readonly Tally[]
}

/** A group's active members: how many there are, and who of the people concerned is one. */
export type Group = { readonly size: number; readonly members: ReadonlySet<Person> }

/** The groups that a policy names, and who of the people concerned may do nothing any more. */
export type Electorate = {
  /** By name; one that is absent has nobody. */
  readonly groups: ReadonlyMap<string, Group>
  readonly disabled: ReadonlySet<Person>
}

/** True while votes, or answers that votes wait for, can still come. */
export function isPending(state: ApprovalState): state is 'open' | 'info-requested' {
  return state === 'open' || state === 'info-requested'
}

/** Everybody who may matter to a decision: what an electorate has to know of. */
export function listPeople(approval: Approval): Person[] {
  const { requester, beneficiary, votes, delegations } = approval
  const people = [
    requester,
    beneficiary,
    ...votes.flatMap(({ actor, actingFor }) => [actor, actingFor]),
    ...delegations.flatMap(({ from, to }) => [from, to]),
  ]
  return [...new Set(people.filter((person) => person !== undefined))]
}
