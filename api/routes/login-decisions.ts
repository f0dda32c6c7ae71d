import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { listRefusals } from '../approval-refusals.ts'
import { defineRoute, type ResponseDoc } from '../guard.ts'
import { revokeLogin, voteOnLogin } from '../login-decisions.ts'
import { decideScope } from '../policies/user.ts'
import { approvalText } from '../presenters/approval-change.ts'
import {
  decidedLoginExample,
  decidedLoginSchema,
  presentDecidedLogin,
} from '../presenters/login.ts'

const MAX_LOGIN_LENGTH = 256

const tags = ['users']
const auth = { anyScope: [decideScope] }
const name = z.string().min(1).max(MAX_LOGIN_LENGTH)
const names = { login: name.describe('Whose'), authz_login: name.describe('You') }
const namesExample = { login: 'grace', authz_login: 'ada' }
const RULES =
  'For members of `login_approvers`; never for the registrant. Once more by the same person it is ' +
  'answered the same. Who may not is refused, and the audit log says so.'

function answer(state: 'approved' | 'rejected' | 'revoked'): Readonly<Record<200, ResponseDoc>> {
  return {
    200: {
      description: 'The login as it stands then',
      schema: decidedLoginSchema,
      example: { ...decidedLoginExample, state },
    },
  }
}

const errors = {
  403: 'authz_login is not you, is no approver, or is the registrant; or the token lacks a scope',
  404: 'There is no such person',
  ...listRefusals('approval_closed', 'info_requested'),
}

/** `POST /user/approve`: a vote for a login, under the policy. */
export const approveLogin = defineRoute(
  {
    method: 'POST',
    path: '/user/approve',
    operationId: 'approveLogin',
    summary: 'Approves a registration',
    description: `A vote under the policy of \`login-registration\`. ${RULES}`,
    tags,
    auth,
    body: {
      kind: 'json',
      schema: z.strictObject({ ...names, reason: approvalText.optional() }),
      example: namesExample,
    },
    idempotent: true,
    responses: answer('approved'),
    errors,
  },
  async ({ principal, body, headers, requestId, traceparent }, context) => {
    const { login, authz_login: authzLogin, reason } = body
    const voteId = headers['idempotency-key']?.toString() ?? randomUUID()
    const decider = { principal, login, authzLogin, requestId, traceparent }
    const vote = { ...decider, verdict: 'approve' as const, reason, voteId }
    return { status: 200, body: presentDecidedLogin(await voteOnLogin(context, vote)) }
  },
)

/** `POST /user/reject`: a vote against a login, under the policy. */
export const rejectLogin = defineRoute(
  {
    method: 'POST',
    path: '/user/reject',
    operationId: 'rejectLogin',
    summary: 'Rejects a registration',
    description: `A vote under the policy of \`login-registration\`. ${RULES}`,
    tags,
    auth,
    body: {
      kind: 'json',
      schema: z.strictObject({ ...names, reason: approvalText }),
      example: { ...namesExample, reason: 'Not known here' },
    },
    idempotent: true,
    responses: answer('rejected'),
    errors,
  },
  async ({ principal, body, headers, requestId, traceparent }, context) => {
    const { login, authz_login: authzLogin, reason } = body
    const voteId = headers['idempotency-key']?.toString() ?? randomUUID()
    const decider = { principal, login, authzLogin, requestId, traceparent }
    const vote = { ...decider, verdict: 'deny' as const, reason, voteId }
    return { status: 200, body: presentDecidedLogin(await voteOnLogin(context, vote)) }
  },
)

/** `POST /user/revoke`: takes an approved login away, at once. */
export const revokeApprovedLogin = defineRoute(
  {
    method: 'POST',
    path: '/user/revoke',
    operationId: 'revokeLogin',
    summary: 'Revokes a login',
    description: `The person cannot log in from now on. ${RULES}`,
    tags,
    auth,
    body: {
      kind: 'json',
      schema: z.strictObject({ ...names, reason: approvalText }),
      example: { ...namesExample, reason: 'Has left' },
    },
    idempotent: true,
    responses: answer('revoked'),
    errors: { ...errors, ...listRefusals('not_applied') },
  },
  async ({ principal, body, requestId, traceparent }, context) => {
    const { login, authz_login: authzLogin, reason } = body
    const revocation = { principal, login, authzLogin, reason, requestId, traceparent }
    return { status: 200, body: presentDecidedLogin(await revokeLogin(context, revocation)) }
  },
)
