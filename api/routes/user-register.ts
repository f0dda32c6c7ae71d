import { z } from 'zod'
import { findPasswordFault } from '../../core/user/password.ts'
import { isCommonPassword } from '../../crypto/common-passwords.ts'
import { defineRoute } from '../guard.ts'
import { registerScope } from '../policies/user.ts'
import { loginSchema } from '../presenters/user.ts'
import { register } from '../registration.ts'

const MAX_EMAIL_LENGTH = 254
const LIMIT_BYTES = 16 * 1024

const newPassword = z.string().superRefine((password, context) => {
  const fault = findPasswordFault(password, isCommonPassword)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

const exampleId = '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e90'

/** `POST /user/register`: asks for a login. */
export const postRegistration = defineRoute(
  {
    method: 'POST',
    path: '/user/register',
    operationId: 'registerLogin',
    summary: 'Asks for a login',
    description:
      'For a person who is known by this login and e-mail address. A member of `login_approvers` ' +
      'decides; nobody can log in before. A password has 8 to 128 characters, any of them, and is ' +
      'none of those that are tried first.',
    tags: ['users'],
    auth: { anyScope: [registerScope] },
    body: {
      kind: 'json',
      schema: z.strictObject({
        login: loginSchema,
        email: z.string().min(1).max(MAX_EMAIL_LENGTH),
        password: newPassword,
      }),
      example: {
        login: 'grace',
        email: 'grace@example.org',
        password: 'nine ducks cross the road',
      },
      limitBytes: LIMIT_BYTES,
    },
    idempotent: true,
    responses: {
      202: {
        description: 'The registration waits for its approval',
        schema: z.object({ approvalId: z.string(), state: z.literal('pending') }),
        example: { approvalId: exampleId, state: 'pending' },
        headers: { Location: 'The approval' },
      },
    },
    errors: {
      409:
        'The pair is not known, or is registered already: which, is not told. Or the first ' +
        'request with this Idempotency-Key still runs',
    },
  },
  async ({ body, requestId, traceparent, settle }, context) =>
    await register(context, { ...body, requestId, traceparent }, async (tx, { approvalId }) => {
      const headers = { Location: `/v1/approvals/${approvalId}` }
      return await settle(tx, { status: 202, headers, body: { approvalId, state: 'pending' } })
    }),
)
