import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { loginKey } from '../../core/user/login.ts'
import { loginStates } from '../../core/user/login-state.ts'
import type { Login } from '../../db/user/logins.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { itemProblem, settleAll, settleItem } from '../item-outcomes.ts'
import { revokeLogin, voteOnLoginHere } from '../login-decisions.ts'
import type { LoginDecider } from '../login-deciders.ts'
import { decideScope } from '../policies/user.ts'
import { approvalText } from '../presenters/approval-change.ts'
import { decidedLoginExample, presentDecidedLogin } from '../presenters/login.ts'
import { validateBody } from '../validate.ts'

const MAX_DECISIONS = 500
const AT_ONCE = 4
const MAX_LOGIN_LENGTH = 256

const name = z.string().min(1).max(MAX_LOGIN_LENGTH)
const decision = z.discriminatedUnion('decision', [
  z.strictObject({
    login: name,
    decision: z.literal('approve'),
    reason: approvalText.optional(),
  }),
  z.strictObject({ login: name, decision: z.enum(['reject', 'revoke']), reason: approvalText }),
])
// One that breaks a rule is a 422 of its own.
const decisionItem = z.union([decision, z.looseObject({ login: name })])
type DecisionItem = z.output<typeof decisionItem>

const resultSchema = z.object({
  login: z.string(),
  state: z.enum(loginStates).optional(),
  approved_by: z.string().nullish(),
  approved_at: z.string().nullish(),
  ...itemProblem,
})

/** `POST /v1/logins/bulk-decisions`: many decisions, each with its own outcome. */
export const postBulkLoginDecisions = defineRoute(
  {
    method: 'POST',
    path: '/v1/logins/bulk-decisions',
    operationId: 'decideOnLogins',
    summary: 'Decides on up to 500 logins',
    description:
      'Answers for each, in order, what `/user/approve`, `/user/reject` or `/user/revoke` would: ' +
      '`status`, and the login or `problem`. Does not wait until who is approved can log in.',
    tags: ['users'],
    auth: { anyScope: [decideScope] },
    body: {
      kind: 'json',
      schema: z.strictObject({
        authz_login: name.describe('You'),
        decisions: z.array(decisionItem).min(1).max(MAX_DECISIONS),
      }),
      example: { authz_login: 'ada', decisions: [{ login: 'grace', decision: 'approve' }] },
    },
    idempotent: true,
    responses: {
      200: {
        description: 'What became of each',
        schema: z.object({ results: z.array(resultSchema) }),
        example: { results: [{ status: 200, ...decidedLoginExample }] },
      },
    },
  },
  async ({ principal, body, headers, requestId, traceparent, url }, context) => {
    const key = headers['idempotency-key']?.toString()
    const decideOnce = async (item: DecisionItem, index: number): Promise<object> => {
      const decider = { principal, authzLogin: body.authz_login, requestId, traceparent }
      // One key covers all decisions of the request: each has its place in it.
      const voteId = key === undefined ? randomUUID() : `${key}:${index}`
      const { value, ...outcome } = await settleItem(
        context,
        { requestId, url },
        async () => await decide(context, { ...decider, login: item.login }, { item, voteId }),
      )
      return { login: item.login, ...(value && presentDecidedLogin(value)), ...outcome }
    }
    const results = await settleAll(
      body.decisions,
      { atOnce: AT_ONCE, keyOf: ({ login }) => loginKey(login) },
      decideOnce,
    )
    return { status: 200, body: { results } }
  },
)

async function decide(
  context: ApiContext,
  decider: LoginDecider,
  { item, voteId }: { readonly item: DecisionItem; readonly voteId: string },
): Promise<Login> {
  const decided = validateBody(decision, item)
  const { reason } = decided
  if (decided.decision === 'revoke') {
    return await revokeLogin(context, { ...decider, reason: decided.reason })
  }
  const verdict = decided.decision === 'approve' ? 'approve' : 'deny'
  return await voteOnLoginHere(context, { ...decider, verdict, reason, voteId })
}
