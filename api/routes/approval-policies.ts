import { createHash } from 'node:crypto'
import { z } from 'zod'
import { policySchema, type Policy } from '../../core/approval/policy.ts'
import { findApprovalType } from '../../core/approval/types.ts'
import { AppError } from '../../core/errors.ts'
import { addPolicyVersion, findPolicy } from '../../db/approval/policies.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { adminScope, readScope } from '../policies/approval.ts'

const NONE = 0
const params = z.object({ type: z.string().max(100).describe('Such as `login-registration`') })
const example = {
  stages: [
    {
      name: 'registration',
      approvers: { group: 'login_approvers' },
      quorum: 1,
      escalation: { after: 'P2D', group: 'chiefs' },
    },
  ],
  reminders: ['P3D'],
  expiresAfter: 'P14D',
  justification: 'required',
} satisfies Policy
const headers = { ETag: 'Its version; `"0"` is the default' }
const found = { description: 'The policy', schema: policySchema, example, headers }
const unknownType = 'No domain has approvals of this type'

/** `GET /v1/approval-policies/{type}`: the policy under which approvals of a type open now. */
export const getApprovalPolicy = defineRoute(
  {
    method: 'GET',
    path: '/v1/approval-policies/{type}',
    operationId: 'getApprovalPolicy',
    summary: 'Reads the policy of a type of approvals',
    tags: ['approvals'],
    auth: { anyScope: [adminScope, readScope] },
    params,
    responses: { 200: found },
    errors: { 404: `${unknownType}, or it has no policy` },
  },
  async ({ params: { type } }, { db }) => {
    const policy = findApprovalType(type) && (await findPolicy(db, type))
    if (!policy) throwNoPolicy(type)
    return replyWith(policy)
  },
)

/** `PUT /v1/approval-policies/{type}`: the policy of what opens from now on. */
export const putApprovalPolicy = defineRoute(
  {
    method: 'PUT',
    path: '/v1/approval-policies/{type}',
    operationId: 'putApprovalPolicy',
    summary: 'Changes the policy of a type of approvals',
    description:
      'Approvals that are open keep the version with which they opened. Needs `If-Match`; for a ' +
      'type that has no policy yet send `If-Match: "0"` or `If-None-Match: *`.',
    tags: ['approvals'],
    auth: { anyScope: [adminScope] },
    params,
    body: { kind: 'json', schema: policySchema, example },
    responses: { 200: { ...found, description: 'The policy as it is now' } },
    errors: {
      404: unknownType,
      412: 'The policy has changed since you read it',
      428: '`If-Match` is missing',
    },
  },
  async ({ params: { type }, body, headers: sent, principal, requestId }, { db }) => {
    if (!findApprovalType(type)) throwNoPolicy(type)
    return await withTransaction(db, async (tx) => {
      const before = await findPolicy(tx, type)
      const after = before?.version ?? NONE
      const isCreation = sent['if-none-match'] === '*' && !before
      if (!isCreation) assertIfMatch(sent['if-match'], createEtag(after))
      const change = { type, after, document: body, changedBy: principal.subject }
      // Another change came in between: its version is not the one that was read.
      if (!(await addPolicyVersion(tx, change))) assertIfMatch('', createEtag(after + 1))
      const kept = await findPolicy(tx, type)
      await appendAudit(tx, [
        {
          actor: principal.subject,
          action: 'approval-policy.changed',
          subject: { type: 'approval-policy', id: type },
          before: before && hashOf(before.document),
          after: kept && hashOf(kept.document),
          cause: { requestId, version: after + 1 },
        },
      ])
      return replyWith({ version: after + 1, document: body })
    })
  },
)

function replyWith(policy: { readonly version: number; readonly document: Policy }): Reply {
  const { version, document } = policy
  return { status: 200, headers: { ETag: createEtag(version) }, body: document }
}

function hashOf(document: Policy): Buffer {
  return createHash('sha256').update(JSON.stringify(document)).digest()
}

function throwNoPolicy(type: string): never {
  throw new AppError('not_found', `Cannot find a policy for approvals of type "${type}"`, {
    status: 404,
  })
}
