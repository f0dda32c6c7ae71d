import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { approvalParams, getDecidableApproval } from '../approval-access.ts'
import { createRefusal, listRefusals } from '../approval-refusals.ts'
import { viewApproval } from '../approval-views.ts'
import { castVote } from '../approval-votes.ts'
import { defineRoute } from '../guard.ts'
import { voteScopes } from '../policies/approval.ts'
import { approvalExample } from '../presenters/approval-example.ts'
import { approvalSchema } from '../presenters/approval.ts'

const MAX_LOGIN_LENGTH = 256
const MAX_REASON_LENGTH = 2_000
const MAX_HASH_LENGTH = 256

/** The members of a vote, single or one of many. */
export const voteShape = {
  verdict: z.enum(['approve', 'deny']),
  reason: z.string().max(MAX_REASON_LENGTH).optional(),
  subjectHash: z.string().min(1).max(MAX_HASH_LENGTH).describe('Of the subject that you looked at'),
  actingFor: z
    .string()
    .min(1)
    .max(MAX_LOGIN_LENGTH)
    .optional()
    .describe('The login of who delegated to you'),
}

/** How a vote is refused. */
export const voteRefusals = listRefusals(
  'not_an_approver',
  'four_eyes',
  'subject_changed',
  'approval_closed',
  'info_requested',
  'reason_required',
)

/** `POST /v1/approvals/{approvalId}/votes`: a vote, by an update of the approval's run. */
export const postVote = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/votes',
    operationId: 'voteOnApproval',
    summary: 'Votes on the present stage of an approval',
    description:
      "The vote's id is the `Idempotency-Key`. Your last vote in a stage counts. A refused vote is " +
      'in the history and counts nothing. Needs `approval:vote`; who may vote is for the policy to say.',
    tags: ['approvals'],
    auth: { anyScope: voteScopes },
    params: approvalParams,
    body: {
      kind: 'json',
      schema: z.strictObject(voteShape),
      example: {
        verdict: 'approve',
        reason: 'Known to me',
        subjectHash: approvalExample.subject.hash,
      },
    },
    idempotent: true,
    responses: {
      200: {
        description: 'The approval as it stands then',
        schema: approvalSchema,
        example: approvalExample,
      },
    },
    errors: { 404: 'There is no such approval', ...voteRefusals },
  },
  async ({ principal, params, body, headers, requestId, traceparent }, context) => {
    const { approvalId } = params
    const { stored, claims } = await getDecidableApproval(context.db, principal, approvalId)
    const voteId = headers['idempotency-key']?.toString() ?? randomUUID()
    const ids = { approvalId, voteId, actor: principal.subject, requestId }
    const vote = { ...body, ...ids, claims, via: 'api' } as const
    const { refusal } = await castVote(context, { stored, vote, traceparent })
    const after = await viewApproval(context.db, approvalId)
    if (refusal) throw createRefusal(refusal, { approvalId, state: after.state })
    return { status: 200, body: after }
  },
)
