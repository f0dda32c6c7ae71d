import { z } from 'zod'
import { answerCognitoEvent, cognitoEvent } from '../../core/staff/cognito-event.ts'
import { defineRoute } from '../guard.ts'

const MAX_SUBJECT_LENGTH = 255

const example = {
  version: '2',
  triggerSource: 'TokenGeneration_Authentication',
  request: { userAttributes: { sub: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42' }, scopes: ['openid'] },
  response: { claimsAndScopeOverrideDetails: null },
}

/** `POST /v1/token-hooks/pre-token-generation`: Amazon Cognito's event, answered with the subject's scopes. */
export const postCognitoHook = defineRoute(
  {
    method: 'POST',
    path: '/v1/token-hooks/pre-token-generation',
    operationId: 'answerCognitoHook',
    summary: "Answers Cognito's pre-token-generation event",
    description:
      'For the Lambda of the trigger, which passes its event on and returns the answer. The client ' +
      'sends `TOKEN_HOOK_SECRET` as bearer. A subject without scopes gets none added.',
    tags: ['staff'],
    auth: 'token-hook',
    body: { kind: 'json', schema: cognitoEvent, example },
    responses: {
      200: {
        description: 'The event with its response filled in',
        schema: cognitoEvent,
        example: {
          ...example,
          response: {
            claimsAndScopeOverrideDetails: {
              accessTokenGeneration: {
                scopesToAdd: ['profile', 'aslp/readGeneral', 'aslp/write', 'aslp/oh.write'],
                scopesToSuppress: [],
              },
            },
          },
        },
      },
    },
  },
  async ({ body }, context) => {
    const scopes = await context.staff.scopesOf(body.request.userAttributes.sub)
    const prefixes = context.config.compacts.map(({ abbreviation }) => `${abbreviation}/`)
    const isOurs = (scope: string): boolean => prefixes.some((prefix) => scope.startsWith(prefix))
    return { status: 200, body: answerCognitoEvent(body, scopes, isOurs) }
  },
)

/** `POST /v1/token-hooks/scopes`: the scopes of a subject, for any other identity provider. */
export const postScopesHook = defineRoute(
  {
    method: 'POST',
    path: '/v1/token-hooks/scopes',
    operationId: 'listScopesOfSubject',
    summary: "A subject's scopes, for an identity provider",
    description:
      'The client sends `TOKEN_HOOK_SECRET` as bearer. Empty for a subject that is no staff user, ' +
      'was deleted, or whose record cannot be understood.',
    tags: ['staff'],
    auth: 'token-hook',
    body: {
      kind: 'json',
      schema: z.strictObject({ sub: z.string().min(1).max(MAX_SUBJECT_LENGTH) }),
      example: { sub: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42' },
    },
    responses: {
      200: {
        description: 'The scopes that a token of the subject should have',
        schema: z.object({ scopes: z.array(z.string()) }),
        example: { scopes: ['profile', 'aslp/readGeneral', 'aslp/write', 'aslp/oh.write'] },
      },
    },
  },
  async ({ body }, context) => {
    return { status: 200, body: { scopes: await context.staff.scopesOf(body.sub) } }
  },
)
