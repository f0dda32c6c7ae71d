import { answerCognitoEvent, cognitoEvent } from '../../../core/staff/cognito-event.ts'

const isOurs = (scope: string): boolean => scope.startsWith('aslp/')

function createEvent(version: string, response: unknown): unknown {
  return {
    version,
    triggerSource: 'TokenGeneration_HostedAuth',
    region: 'us-east-1',
    userPoolId: 'us-east-1_example',
    userName: 'someone',
    callerContext: { awsSdkVersion: 'aws-sdk-unknown', clientId: 'client' },
    request: {
      userAttributes: { sub: 'subject-1', 'cognito:user_status': 'CONFIRMED' },
      groupConfiguration: { groupsToOverride: [], iamRolesToOverride: [], preferredRole: null },
      scopes: ['openid', 'aslp/oh.admin', 'aslp/oh.write'],
    },
    response,
  }
}

test.each([
  ['an empty response', {}],
  ['a null override', { claimsAndScopeOverrideDetails: null }],
])('answerCognitoEvent() fills %s and keeps the rest as it came', (_, response) => {
  const event = createEvent('2', response)
  const answer = answerCognitoEvent(cognitoEvent.parse(event), ['aslp/oh.write'], isOurs)
  expect(answer).toEqual({
    ...(event as object),
    response: {
      claimsAndScopeOverrideDetails: {
        accessTokenGeneration: {
          scopesToAdd: ['aslp/oh.write'],
          scopesToSuppress: ['aslp/oh.admin'],
        },
      },
    },
  })
})

test('answerCognitoEvent() puts the scopes into a claim for version 1, which has no other place', () => {
  const event = cognitoEvent.parse(createEvent('1', { claimsOverrideDetails: null }))
  expect(answerCognitoEvent(event, ['profile', 'aslp/oh.write'], isOurs).response).toEqual({
    claimsOverrideDetails: { claimsToAddOrOverride: { scope: 'profile aslp/oh.write' } },
  })
})

test('cognitoEvent refuses an event without a subject', () => {
  const event = { version: '2', request: { userAttributes: {} }, response: {} }
  expect(cognitoEvent.safeParse(event).success).toBe(false)
})
