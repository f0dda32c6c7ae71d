import type {
  Approval,
  ApprovalState,
  Claims,
  Delegation,
  Tally,
  Timer,
  Verdict,
  Vote,
} from '../../core/approval/approval.ts'
import type { Policy } from '../../core/approval/policy.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'

export type Subject = { readonly type: string; readonly id: string; readonly hash: string }

/** An approval as it is kept: what its rules look at, and what people read. */
export type StoredApproval = {
  readonly id: string
  readonly type: string
  readonly subject: Subject
  /** What an approver may see of the subject; personal data. */
  readonly summary: Readonly<Record<string, unknown>>
  /** Logins as they were given. */
  readonly requester: string | undefined
  readonly beneficiary: string | undefined
  readonly policyVersion: number
  readonly failureCode: string | undefined
  readonly requestId: string
  readonly version: number
  readonly openedAt: Date
  readonly closedAt: Date | undefined
  readonly settledAt: Date | undefined
  readonly workflowId: string
  readonly approval: Approval
}

export type ApprovalRow = {
  readonly id: string
  readonly type: string
  readonly subject_type: string
  readonly subject_id: string
  readonly subject_hash: string
  readonly summary: Readonly<Record<string, unknown>>
  readonly requester: string | null
  readonly requester_key: string | null
  readonly beneficiary: string | null
  readonly beneficiary_key: string | null
  readonly tenant: string | null
  readonly state: ApprovalState
  readonly stage: number
  readonly is_escalated: boolean
  readonly policy: Policy
  readonly policy_version: number
  readonly timers: readonly (Omit<Timer, 'at'> & { readonly at: string })[]
  readonly tallies: readonly Tally[]
  readonly failure_code: string | null
  readonly request_id: string
  readonly version: number
  readonly opened_at: Date
  readonly expires_at: Date
  readonly closed_at: Date | null
  readonly settled_at: Date | null
  readonly votes: readonly VoteRow[]
  readonly delegations: readonly DelegationRow[]
}

type VoteRow = {
  readonly id: string
  readonly stage: number
  readonly actor: string
  readonly acting_for: string | null
  readonly verdict: Verdict
  readonly claims: Claims
  readonly at: string
}

type DelegationRow = Omit<Delegation, 'since' | 'until'> & {
  readonly since: string
  readonly until: string
}

/**
 * Of `ApprovalRow`, for a query on `approvals a`. Of votes it has the last of each actor in the present
 * stage: what a tally needs, however often people vote. Not to be read while waiting for a lock: the
 * votes would be those of before.
 */
export const approvalColumns = `a.id, a.type, a.subject_type, a.subject_id, a.subject_hash, a.summary,
  a.requester, a.requester_key, a.beneficiary, a.beneficiary_key, a.tenant, a.state, a.stage,
  a.is_escalated, a.policy, a.policy_version, a.timers, a.tallies, a.failure_code, a.request_id,
  a.version, a.opened_at, a.expires_at, a.closed_at, a.settled_at,
  (select coalesce(jsonb_agg(jsonb_build_object('id', v.id, 'stage', v.stage, 'actor', v.actor_key,
       'acting_for', v.acting_for_key, 'verdict', v.verdict, 'claims', v.claims, 'at', v.judged_at)
       order by v.position), '[]')
   from (select distinct on (c.actor_key) c.*
         from approval_votes c
         where c.approval_id = a.id and c.stage = a.stage and c.outcome = 'taken'
         order by c.actor_key, c.position desc) v) as votes,
  (select coalesce(jsonb_agg(jsonb_build_object('from', d.from_key, 'to', d.to_key,
       'claims', d.claims, 'since', d.since, 'until', d.until) order by d.id), '[]')
   from approval_delegations d
   where d.approval_id = a.id) as delegations`

/** An approval as its rules look at it, of its row. */
export function toStored(row: ApprovalRow): StoredApproval {
  return {
    id: row.id,
    type: row.type,
    subject: { type: row.subject_type, id: row.subject_id, hash: row.subject_hash },
    summary: row.summary,
    requester: row.requester ?? undefined,
    beneficiary: row.beneficiary ?? undefined,
    policyVersion: row.policy_version,
    failureCode: row.failure_code ?? undefined,
    requestId: row.request_id,
    version: row.version,
    openedAt: row.opened_at,
    closedAt: row.closed_at ?? undefined,
    settledAt: row.settled_at ?? undefined,
    workflowId: approvalWorkflowId(row.id),
    approval: {
      state: row.state,
      stage: row.stage,
      isEscalated: row.is_escalated,
      policy: row.policy,
      subjectHash: row.subject_hash,
      requester: row.requester_key ?? undefined,
      beneficiary: row.beneficiary_key ?? undefined,
      tenant: row.tenant ?? undefined,
      expiresAt: row.expires_at,
      timers: row.timers.map((timer) => ({ ...timer, at: new Date(timer.at) })),
      tallies: row.tallies,
      votes: row.votes.map(toVote),
      delegations: row.delegations.map(toDelegation),
    },
  }
}

function toVote({ acting_for: actingFor, at, ...vote }: VoteRow): Vote {
  return { ...vote, actingFor: actingFor ?? undefined, at: new Date(at) }
}

function toDelegation({ since, until, ...delegation }: DelegationRow): Delegation {
  return { ...delegation, since: new Date(since), until: new Date(until) }
}
