import { z } from 'zod'
import { askForInfo, giveInfo } from '../../db/approval/commands.ts'
import { approvalParams, getDecidableApproval, getVisibleApproval } from '../approval-access.ts'
import { carryOut } from '../approval-deeds.ts'
import { listRefusals } from '../approval-refusals.ts'
import { defineRoute } from '../guard.ts'
import { readClaims, voteScopes } from '../policies/approval.ts'
import { approvalText, changedApproval } from '../presenters/approval-change.ts'

/** `POST /v1/approvals/{approvalId}/request-info`: an approver asks; nobody votes until the answer. */
export const requestApprovalInfo = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/request-info',
    operationId: 'requestApprovalInfo',
    summary: 'Asks the requester a question',
    description: 'There are no votes until it is answered; earlier votes stay. Deadlines run on.',
    tags: ['approvals'],
    auth: { anyScope: voteScopes },
    params: approvalParams,
    body: {
      kind: 'json',
      schema: z.strictObject({ question: approvalText }),
      example: { question: 'Which office is this for?' },
    },
    idempotent: true,
    responses: changedApproval,
    errors: {
      404: 'There is no such approval',
      ...listRefusals('not_an_approver', 'four_eyes', 'approval_closed', 'info_requested'),
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    const { claims } = await getDecidableApproval(context.db, principal, approvalId)
    const doer = { approvalId, actor: principal.subject, claims, requestId, traceparent }
    const asking = { ...doer, question: body.question }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await askForInfo(tx, asking))
  },
)

/** `POST /v1/approvals/{approvalId}/provide-info`: requester or beneficiary answer; votes go on. */
export const provideApprovalInfo = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/provide-info',
    operationId: 'provideApprovalInfo',
    summary: "Answers an approver's question",
    tags: ['approvals'],
    auth: 'token',
    params: approvalParams,
    body: {
      kind: 'json',
      schema: z.strictObject({ answer: approvalText }),
      example: { answer: 'For the office in Turin' },
    },
    idempotent: true,
    responses: changedApproval,
    errors: {
      404: 'There is no such approval, or you may not see it',
      ...listRefusals('not_a_party', 'approval_closed', 'not_requested'),
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    const stored = await getVisibleApproval(context.db, principal, approvalId)
    const claims = readClaims(principal, stored.approval.policy)
    const doer = { approvalId, actor: principal.subject, claims, requestId, traceparent }
    const answering = { ...doer, answer: body.answer }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await giveInfo(tx, answering))
  },
)
