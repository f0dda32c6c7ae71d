import { z } from 'zod'
import {
  approvalEventNames,
  approvalStates,
  isPending,
  type Electorate,
  type Tally,
} from '../../core/approval/approval.ts'
import type { PolicyStage } from '../../core/approval/policy.ts'
import { tallyStage } from '../../core/approval/tally.ts'
import type { HistoryEntry } from '../../db/approval/history.ts'
import type { TakenVote } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'

const verdict = z.enum(['approve', 'deny'])

const itemShape = {
  id: z.string(),
  type: z.string(),
  subject: z.object({ type: z.string(), id: z.string(), hash: z.string() }),
  state: z.enum(approvalStates),
  stage: z.int().describe('From 1'),
  stages: z.array(
    z.object({
      name: z.string(),
      quorum: z.union([z.int(), z.string()]),
      denyThreshold: z.int(),
      approve: z.int().describe('Approvals that count now'),
      deny: z.int().describe('Denials that count now'),
      needed: z.int().optional().describe('Approvals that the quorum comes to'),
    }),
  ),
  requester: z.string().nullable().describe('null for a schedule or a webhook'),
  beneficiary: z.string().optional(),
  summary: z.record(z.string(), z.unknown()).describe('What an approver may see of the subject'),
  openedAt: z.string(),
  expiresAt: z.string(),
  closedAt: z.string().optional(),
  policyVersion: z.int().describe('0 is the default'),
  workflowId: z.string(),
  failureCode: z.string().optional().describe('Why the effect failed'),
}

/** An approval in a list: without votes and history. */
export const approvalItemSchema = z.object(itemShape)

/** An approval with the newest of its votes and history. */
export const approvalSchema = z.object({
  ...itemShape,
  votes: z.array(
    z.object({
      id: z.string(),
      actor: z.string(),
      actingFor: z.string().optional(),
      stage: z.int(),
      verdict,
      reason: z.string().optional(),
      subjectHash: z.string(),
      at: z.string(),
    }),
  ),
  history: z.array(
    z.object({
      at: z.string(),
      event: z.enum(approvalEventNames),
      actor: z.string().optional(),
      detail: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    }),
  ),
})

export type PresentedApproval = z.infer<typeof approvalSchema>

/** What is told of an approval besides its row. */
export type ApprovalParts = {
  readonly stored: StoredApproval
  readonly electorate: Electorate
  readonly votes: readonly TakenVote[]
  readonly history: readonly HistoryEntry[]
}

/** Lists the fields of an approval that leave. */
export function presentApproval(parts: ApprovalParts): PresentedApproval {
  return {
    ...presentApprovalItem(parts),
    votes: parts.votes.map(({ at, actingFor, reason, ...vote }) => ({
      ...vote,
      ...(actingFor !== undefined && { actingFor }),
      ...(reason !== undefined && { reason }),
      at: at.toISOString(),
    })),
    history: parts.history.map(({ at, event, actor, detail }) => ({
      at: at.toISOString(),
      event,
      ...(actor !== undefined && { actor }),
      ...(detail !== undefined && { detail }),
    })),
  }
}

/** Lists the fields of an approval that leave in a list. */
export function presentApprovalItem({
  stored,
  electorate,
}: Pick<ApprovalParts, 'stored' | 'electorate'>): z.infer<typeof approvalItemSchema> {
  const { approval, beneficiary, closedAt, failureCode } = stored
  return {
    id: stored.id,
    type: stored.type,
    subject: stored.subject,
    state: approval.state,
    stage: approval.stage,
    stages: approval.policy.stages.map((stage, index) =>
      presentStage(stage, findTally(stored, { number: index + 1, electorate })),
    ),
    requester: stored.requester ?? null,
    ...(beneficiary !== undefined && { beneficiary }),
    summary: stored.summary,
    openedAt: stored.openedAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    ...(closedAt !== undefined && { closedAt: closedAt.toISOString() }),
    policyVersion: stored.policyVersion,
    workflowId: stored.workflowId,
    ...(failureCode !== undefined && { failureCode }),
  }
}

function presentStage(
  { name, quorum, denyThreshold = 1 }: PolicyStage,
  tally: Tally | undefined,
): PresentedApproval['stages'][number] {
  const { approve = 0, deny = 0, needed } = tally ?? {}
  return {
    name,
    quorum,
    denyThreshold,
    approve,
    deny,
    ...(needed !== undefined && { needed }),
  }
}

// A stage that is over stays as it was then; the present one is counted anew.
function findTally(
  { approval }: StoredApproval,
  { number, electorate }: { readonly number: number; readonly electorate: Electorate },
): Tally | undefined {
  const isPresent = number === approval.stage && isPending(approval.state)
  return isPresent ? tallyStage(approval, electorate) : approval.tallies[number - 1]
}
