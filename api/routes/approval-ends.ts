import { z } from 'zod'
import { retryApproval, revokeApproval, withdrawApproval } from '../../db/approval/commands.ts'
import { approvalParams, getOwnApproval, getVisibleApproval } from '../approval-access.ts'
import { carryOut } from '../approval-deeds.ts'
import { listRefusals } from '../approval-refusals.ts'
import { defineRoute } from '../guard.ts'
import { adminScope, readClaims } from '../policies/approval.ts'
import { approvalText, changedApproval } from '../presenters/approval-change.ts'

const noClaims = { scopes: [] }

/** `POST /v1/approvals/{approvalId}/withdraw`: the requester takes the request back. */
export const withdrawOwnApproval = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/withdraw',
    operationId: 'withdrawApproval',
    summary: 'Takes your request back',
    tags: ['approvals'],
    auth: 'token',
    params: approvalParams,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({ reason: approvalText.optional() }),
      example: { reason: 'No longer needed' },
    },
    idempotent: true,
    responses: changedApproval,
    errors: {
      404: 'There is no such approval, or you may not see it',
      ...listRefusals('not_a_party', 'approval_closed'),
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    const stored = await getVisibleApproval(context.db, principal, approvalId)
    const claims = readClaims(principal, stored.approval.policy)
    const doer = { approvalId, actor: principal.subject, claims, requestId, traceparent }
    const leaving = { ...doer, reason: body.reason }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await withdrawApproval(tx, leaving))
  },
)

/** `POST /v1/approvals/{approvalId}/revoke`: what was applied is undone. */
export const revokeAppliedApproval = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/revoke',
    operationId: 'revokeApproval',
    summary: 'Revokes what was approved and applied',
    tags: ['approvals'],
    auth: { anyScope: [adminScope] },
    params: approvalParams,
    body: {
      kind: 'json',
      schema: z.strictObject({ reason: approvalText }),
      example: { reason: 'Has left' },
    },
    idempotent: true,
    responses: changedApproval,
    errors: { 404: 'There is no such approval', ...listRefusals('not_applied') },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    await getOwnApproval(context.db, principal, approvalId)
    const ids = { approvalId, actor: principal.subject, requestId, traceparent }
    const revocation = { ...ids, claims: noClaims, reason: body.reason }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await revokeApproval(tx, revocation))
  },
)

/** `POST /v1/approvals/{approvalId}/retry`: an effect that failed is tried again. */
export const retryFailedApproval = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/retry',
    operationId: 'retryApproval',
    summary: 'Tries an effect again that failed',
    description: 'What was approved is applied, and nothing else; only from `apply-failed`.',
    tags: ['approvals'],
    auth: { anyScope: [adminScope] },
    params: approvalParams,
    idempotent: true,
    responses: changedApproval,
    errors: { 404: 'There is no such approval', ...listRefusals('not_failed') },
  },
  async ({ principal, params, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    await getOwnApproval(context.db, principal, approvalId)
    const ids = { approvalId, actor: principal.subject, requestId, traceparent }
    const retry = { ...ids, claims: noClaims }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await retryApproval(tx, retry))
  },
)
