import { z } from 'zod'

/**
 * Amazon Cognito's pre-token-generation event, as far as it is read; all else is passed back as it
 * came. Only versions 2 and 3 can add scopes to access tokens.
 */
export const cognitoEvent = z.looseObject({
  version: z.union([z.string(), z.number()]),
  request: z.looseObject({
    userAttributes: z.looseObject({ sub: z.string().min(1) }),
    scopes: z.array(z.string()).nullish(),
  }),
  response: z.looseObject({}).nullish(),
})

export type CognitoEvent = z.output<typeof cognitoEvent>

/**
 * The event with its answer: the scopes to add to the access token, and those of ours to suppress
 * that the client asked for without holding them. An event of version 1 can only carry them in the
 * ID token, as the claim `scope`.
 */
export function answerCognitoEvent(
  event: CognitoEvent,
  scopes: readonly string[],
  isOurs: (scope: string) => boolean,
): CognitoEvent {
  if (String(event.version) === '1') {
    const claimsToAddOrOverride = { scope: scopes.join(' ') }
    return { ...event, response: { claimsOverrideDetails: { claimsToAddOrOverride } } }
  }
  const asked = event.request.scopes ?? []
  const scopesToSuppress = asked.filter((scope) => isOurs(scope) && !scopes.includes(scope))
  const accessTokenGeneration = { scopesToAdd: [...scopes], scopesToSuppress }
  return { ...event, response: { claimsAndScopeOverrideDetails: { accessTokenGeneration } } }
}
