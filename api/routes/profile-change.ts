import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { submitChange, submitDeletion } from '../../db/profile/intake.ts'
import { defineRoute, type Route, type RouteMethod } from '../guard.ts'
import {
  changePerson,
  createIntakeDeps,
  createSubmission,
  getUserId,
  handOverResults,
  MAX_ID_LENGTH,
  readProfileBody,
  replyTo,
} from '../profile-intake.ts'
import { textParam } from '../profile-query.ts'

const changeReplySchema = z.object({
  sequence_number: z.int().nullable().describe('The serial; null for a noop'),
  status_code: z.int().describe('200, or 202 for a noop'),
  condition: z.enum(['create', 'update', 'delete', 'noop']),
})

const example = { sequence_number: 4711, status_code: 200, condition: 'update' } as const

const profileBody = z
  .union([z.record(z.string(), z.unknown()), z.string()])
  .describe('A whole or partial profile v2, or a text that holds one')

export const profileBodyExample = {
  first_name: {
    value: 'Ada',
    metadata: {
      classification: 'PUBLIC',
      display: 'public',
      created: '2026-01-02T03:04:05.000Z',
      last_modified: '2026-01-02T03:04:05.000Z',
      verified: true,
    },
    signature: {
      publisher: { alg: 'RS256', typ: 'JWS', name: 'mozilliansorg', value: 'eyJ0eXAi…' },
      additional: [],
    },
  },
}

/** Refusals of every change, with the reference's codes. */
export const changeErrors = {
  400: '`integration_exception`: the body is no profile, or names nobody; `schema_violation`',
  403:
    '`scope_missing`; `invalid_publisher`: a rule, or the token, does not let this publisher; ' +
    '`invalid_signature`; `uuid_or_primary_username_set`',
  409: '`stale_attribute`: what is stored is newer; or the Idempotency-Key is still in use',
}

const userId = textParam(MAX_ID_LENGTH).meta({ example: 'ad|Mozilla-LDAP|ada' })
const userIdQuery = z.object({ user_id: userId.optional() })

/** `POST /v2/user`: one signed change of one person. */
export const postProfile = defineChange('POST', 'changeProfile')
/** `PUT /v2/user`: the same, as some publishers send it. */
export const putProfile = defineChange('PUT', 'putProfile')
/** `PATCH /v2/user`: the same, under the name of what a partial body does. */
export const patchProfile = defineChange('PATCH', 'patchProfile')

/** `DELETE /v2/user`: marks a person as deleted and lets every sink know. */
export const deleteProfile = defineRoute(
  {
    method: 'DELETE',
    path: '/v2/user',
    operationId: 'deleteProfile',
    summary: 'Deletes a person',
    description:
      'Needs `ALLOW_DELETE=true`. The deletion has a serial of its own and is propagated like a change.',
    tags: ['profile changes'],
    errorStyle: 'cis',
    auth: { anyScope: ['delete'] },
    query: z.object({ user_id: userId }),
    responses: {
      200: {
        description: 'Deleted',
        schema: changeReplySchema,
        example: { ...example, condition: 'delete' },
      },
    },
    errors: {
      403: '`scope_missing`, `invalid_publisher`; `delete_not_allowed`: deletion is switched off',
      404: 'There is no such person',
    },
  },
  async (request, context) => {
    const submission = createSubmission(request, {
      userId: request.query.user_id,
      now: context.clock(),
    })
    if (!context.config.allowDelete) {
      throw new AppError(
        'delete_not_allowed',
        'Cannot delete persons: set ALLOW_DELETE=true to let it',
        {
          status: 403,
        },
      )
    }
    const deps = await createIntakeDeps(context)
    const result = await changePerson(
      context,
      submission.userId,
      async (tx) => await submitDeletion(tx, deps, submission),
    )
    if (!result) {
      throw new AppError('not_found', 'Cannot find a person with this user id', { status: 404 })
    }
    handOverResults(context, [result])
    return { status: 200, body: replyTo(result) }
  },
)

function defineChange(method: RouteMethod, operationId: string): Route {
  return defineRoute(
    {
      method,
      path: '/v2/user',
      operationId,
      summary: 'Changes one person',
      description:
        "Takes signed attributes of one person. The token's claim names the publisher; what does " +
        'not change is ignored, what is older than what is stored is refused.',
      tags: ['profile changes'],
      errorStyle: 'cis',
      auth: { anyScope: ['write'] },
      query: userIdQuery,
      body: { kind: 'json', schema: profileBody, example: profileBodyExample },
      idempotent: true,
      responses: {
        200: { description: 'In the vault, or a noop', schema: changeReplySchema, example },
      },
      errors: changeErrors,
    },
    async (request, context) => {
      const body = readProfileBody(request.body)
      const userId = getUserId(request.query.user_id, body)
      const submission = createSubmission(request, { userId, now: context.clock() })
      const deps = await createIntakeDeps(context)
      const { result, reply } = await changePerson(context, userId, async (tx) => {
        const result = await submitChange(tx, deps, { ...submission, body })
        const reply = { status: 200, body: replyTo(result) }
        return { result, reply: await request.settle(tx, reply) }
      })
      handOverResults(context, [result])
      return reply
    },
  )
}
