import { isIP } from 'node:net'
import { z } from 'zod'
import { findGroupNameFault } from '../../core/user/group.ts'
import { findLoginFault } from '../../core/user/login.ts'
import { isLoginInGroup } from '../../db/user/logins.ts'
import { defineRoute, type JsonBody } from '../guard.ts'
import { authenticateScope } from '../policies/user.ts'
import { checkPassword } from '../password-check.ts'

const LIMIT_BYTES = 16 * 1024

const auth = { anyScope: [authenticateScope] }
const params = z.object({ login: z.string().describe('In whatever case') })
const tags = ['users']

const body = {
  kind: 'json',
  schema: z.strictObject({
    password: z.string(),
    address: z
      .string()
      .refine((address) => isIP(address) !== 0, { error: 'Must be an IP address' })
      .optional()
      .describe("The end user's, as you see it"),
  }),
  example: { password: 'nine ducks cross the road', address: '203.0.113.7' },
  limitBytes: LIMIT_BYTES,
} as const satisfies JsonBody<z.ZodType>

const verdict = {
  200: {
    description: '`true` when they may log in with this password',
    schema: z.boolean(),
    example: true,
  },
}
const description =
  'Unknown, not approved, disabled and wrong are one `false`. Ten failures of one login, or a ' +
  'hundred from one address, within 15 minutes are followed by 429 with `Retry-After`, whatever ' +
  'the password.'
const errors = { 429: 'Too many failures, or too many requests' }

/** `GET /user/authn/{login}`: checks a password, which comes in the body. */
export const getAuthentication = defineRoute(
  {
    method: 'GET',
    path: '/user/authn/{login}',
    operationId: 'authenticateLegacy',
    summary: 'Checks a password (for callers of the first API)',
    description,
    tags,
    auth,
    params,
    strictQuery: true,
    body,
    responses: verdict,
    errors,
  },
  async ({ params: { login }, body: { password, address } }, context) => ({
    status: 200,
    body: await checkPassword(context, { login, password, address }),
  }),
)

/** `POST /v1/users/{login}/authenticate`: checks a password. */
export const postAuthentication = defineRoute(
  {
    method: 'POST',
    path: '/v1/users/{login}/authenticate',
    operationId: 'authenticate',
    summary: 'Checks a password',
    description,
    tags,
    auth,
    params,
    body,
    responses: verdict,
    errors,
  },
  async ({ params: { login }, body: { password, address } }, context) => ({
    status: 200,
    body: await checkPassword(context, { login, password, address }),
  }),
)

/** `GET /user/authz/{login}/{group}`: whether somebody who may log in belongs to a group. */
export const getAuthorization = defineRoute(
  {
    method: 'GET',
    path: '/user/authz/{login}/{group}',
    operationId: 'authorize',
    summary: 'Whether a person belongs to a group',
    description: '`false` also for whom and what is unknown, and for who may not log in.',
    tags,
    auth,
    params: params.extend({ group: z.string().describe('Name of the group, as it is') }),
    responses: {
      200: {
        description: '`true` for a member whose login is approved',
        schema: z.boolean(),
        example: true,
      },
    },
  },
  async ({ params: { login, group } }, { db }) => {
    const isName =
      findLoginFault(login.normalize('NFC')) === undefined &&
      findGroupNameFault(group) === undefined
    return { status: 200, body: isName && (await isLoginInGroup(db, { login, group })) }
  },
)
