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
import type { Queryable } from '../client.ts'

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
}

/** Of `ApprovalRow`, for a query on `approvals a`. */
export const approvalColumns = `a.id, a.type, a.subject_type, a.subject_id, a.subject_hash, a.summary,
  a.requester, a.requester_key, a.beneficiary, a.beneficiary_key, a.tenant, a.state, a.stage,
  a.is_escalated, a.policy, a.policy_version, a.timers, a.tallies, a.failure_code, a.request_id,
  a.version, a.opened_at, a.expires_at, a.closed_at, a.settled_at`

/** Puts together what is kept of approvals, in the order of the rows. */
export async function completeApprovals(
  db: Queryable,
  rows: readonly ApprovalRow[],
): Promise<StoredApproval[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const votes = await listLastVotes(db, ids)
  const delegations = await listDelegations(db, ids)
  return rows.map((row) =>
    toStored(row, {
      votes: votes.filter(({ approvalId }) => approvalId === row.id),
      delegations: delegations.filter(({ approvalId }) => approvalId === row.id),
    }),
  )
}

type OfApproval<T> = T & { readonly approvalId: string }

// The last of each actor in the present stage: what a tally needs, however often people vote.
async function listLastVotes(db: Queryable, ids: readonly string[]): Promise<OfApproval<Vote>[]> {
  const { rows } = await db.query<{
    approval_id: string
    id: string
    stage: number
    actor_key: string
    acting_for_key: string | null
    verdict: Verdict
    claims: Claims
    judged_at: Date
    position: number
  }>(
    `select distinct on (v.approval_id, v.actor_key)
       v.approval_id, v.id, v.stage, v.actor_key, v.acting_for_key, v.verdict, v.claims,
       v.judged_at, v.position
     from approval_votes v join approvals a on a.id = v.approval_id and a.stage = v.stage
     where v.approval_id = any($1::uuid[]) and v.outcome = 'taken'
     order by v.approval_id, v.actor_key, v.position desc`,
    [ids],
  )
  return rows
    .toSorted((a, b) => a.position - b.position)
    .map((row) => ({
      approvalId: row.approval_id,
      id: row.id,
      stage: row.stage,
      actor: row.actor_key,
      actingFor: row.acting_for_key ?? undefined,
      verdict: row.verdict,
      claims: row.claims,
      at: row.judged_at,
    }))
}

async function listDelegations(
  db: Queryable,
  ids: readonly string[],
): Promise<OfApproval<Delegation>[]> {
  const { rows } = await db.query<OfApproval<Delegation>>(
    `select approval_id as "approvalId", from_key as from, to_key as to, claims, since, until
     from approval_delegations
     where approval_id = any($1::uuid[])
     order by approval_id, id`,
    [ids],
  )
  return rows
}

function toStored(
  row: ApprovalRow,
  parts: Pick<Approval, 'votes' | 'delegations'>,
): StoredApproval {
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
      ...parts,
    },
  }
}
