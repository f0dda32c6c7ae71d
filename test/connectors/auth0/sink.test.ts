import { createAuth0Sink, type Auth0SinkOptions } from '../../../connectors/auth0/sink.ts'
import { createHttpClient, type HttpClient } from '../../../connectors/http/client.ts'
import { isAppError } from '../../../core/errors.ts'
import { findAttribute } from '../../../core/profile/document.ts'
import type { ProfileSink, SinkDelivery } from '../../../core/profile/sink.ts'
import { TestAuth0 } from '../../support/auth0.ts'
import { createTestProfile } from '../../support/profiles.ts'
import { silentLog } from '../../support/temporal.ts'

let auth0: TestAuth0
let http: HttpClient
let sink: ProfileSink
let nowMs = Date.now()
const { signal } = new AbortController()
const userId = 'ad|Mozilla-LDAP|person1'

beforeEach(async () => {
  auth0 = await TestAuth0.start()
  http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
  nowMs = Date.now()
  sink = createSink()
})
afterEach(async () => {
  http.close()
  await auth0.close()
})

function createSink(options: Partial<Auth0SinkOptions> = {}): ProfileSink {
  return createAuth0Sink({
    name: 'auth0',
    baseUrl: auth0.url,
    clientId: 'client',
    clientSecret: 'right-secret',
    create: false,
    scopes: new Set(['display:all']),
    http,
    nowMs: () => nowMs,
    ...options,
  })
}

function delivery(rest: Partial<SinkDelivery> = {}): SinkDelivery {
  const profile = createTestProfile({
    userId,
    contents: { 'access_information.ldap': { vpn: null } },
  })
  return {
    profileId: 'p',
    userId,
    profile,
    isDeleted: false,
    serial: 7,
    updatedAt: new Date(),
    ...rest,
  }
}

const know = (members: Record<string, unknown> = {}): void =>
  void auth0.users.set(userId, { user_id: userId, ...members })

async function failureOf(work: Promise<unknown>): Promise<[number, string] | undefined> {
  const error: unknown = await work.then(() => undefined).catch((failure: unknown) => failure)
  return isAppError(error) ? [error.status, error.code] : undefined
}

test('a known person gets the filtered profile, groups and serial, and is read back', async () => {
  know({ user_metadata: { theirs: 1 } })
  expect(await sink.deliver(delivery(), signal)).toEqual({ state: 'succeeded', wrote: true })
  const user = auth0.users.get(userId) as any // oxlint-disable-line typescript/no-explicit-any -- of any form
  expect(user.user_metadata.existsInCIS).toBe(true)
  expect(user.user_metadata.theirs).toBe(1)
  expect(user.app_metadata).toEqual({ groups: expect.arrayContaining(['vpn']), serial: 7 })
  expect(findAttribute(user.user_metadata.profile, 'first_name')).toBeDefined()
  expect(findAttribute(user.user_metadata.profile, 'staff_information.title')).toBeUndefined()
  expect(auth0.calls.at(-1)).toBe(`GET /api/v2/users/${encodeURIComponent(userId)}`)
})

test('groups that the sink may not see are not named there', async () => {
  know()
  const contents = {
    'access_information.ldap': { vpn: null },
    'access_information.access_provider': { hidden: null },
  }
  await sink.deliver(delivery({ profile: createTestProfile({ userId, contents }) }), signal)
  const user = auth0.users.get(userId) as { app_metadata: { groups: string[] } }
  expect(user.app_metadata.groups).toContain('vpn')
  expect(user.app_metadata.groups).not.toContain('access_provider_hidden')
})

test('the same again writes nothing', async () => {
  know()
  await sink.deliver(delivery(), signal)
  auth0.calls.length = 0
  expect(await sink.deliver(delivery(), signal)).toEqual({ state: 'succeeded', wrote: false })
  expect(auth0.calls.filter((call) => !call.startsWith('GET'))).toEqual([])
})

test('a greater serial there is never overwritten', async () => {
  know({ app_metadata: { serial: 8 } })
  expect(await sink.deliver(delivery(), signal)).toEqual({ state: 'superseded' })
  expect(auth0.calls.some((call) => call.startsWith('PATCH'))).toBe(false)
})

test('a write whose answer was lost is found on the next attempt', async () => {
  know()
  await sink.deliver(delivery({ serial: 6 }), signal)
  auth0.answersPatch = 'hangs-up-after-commit'
  expect(await failureOf(sink.deliver(delivery(), signal))).toEqual([502, 'target_unreachable'])
  expect(await sink.deliver(delivery(), signal)).toEqual({ state: 'succeeded', wrote: false })
})

test('a person whom Auth0 does not know is final, and nobody is made', async () => {
  expect(await failureOf(sink.deliver(delivery(), signal))).toEqual([404, 'unknown_user'])
  expect(auth0.users.size).toBe(0)
})

test('a person is made where that is wanted', async () => {
  const creating = createSink({ create: true, connection: 'ad' })
  expect(await creating.deliver(delivery(), signal)).toEqual({ state: 'succeeded', wrote: true })
  expect(auth0.users.get(userId)).toMatchObject({ app_metadata: { serial: 7 } })
})

test('without a configured connection a person is made in their own', async () => {
  const creating = createSink({ create: true })
  const profile = createTestProfile({
    userId: 'github|4711',
    contents: { login_method: 'github' },
  })
  const one = delivery({ userId: 'github|4711', profile })
  expect(await creating.deliver(one, signal)).toEqual({ state: 'succeeded', wrote: true })
  expect(auth0.users.get('github|4711')).toMatchObject({ connection: 'github' })
  const unsaid = createTestProfile({ userId: 'email|5', contents: { login_method: null } })
  await creating.deliver(delivery({ userId: 'email|5', profile: unsaid }), signal)
  expect(auth0.users.get('email|5')).toMatchObject({ connection: 'email' })
})

test('a deleted person is marked as no longer known, and one who is not there needs nothing', async () => {
  know()
  await sink.deliver(delivery(), signal)
  await sink.deliver(delivery({ isDeleted: true, serial: 8 }), signal)
  expect(auth0.users.get(userId)).toMatchObject({
    user_metadata: { existsInCIS: false, profile: null },
    app_metadata: { groups: [], serial: 8 },
  })
  auth0.users.clear()
  expect(await sink.deliver(delivery({ isDeleted: true, serial: 9 }), signal)).toEqual({
    state: 'succeeded',
    wrote: false,
  })
})

test('the rate limit is waited for until it is reset, or as Retry-After asks', async () => {
  know()
  const waitFor = async (headers: Record<string, string>): Promise<unknown> => {
    auth0.misbehaviours.push({ status: 429, headers })
    const error: unknown = await sink.deliver(delivery(), signal).catch((thrown: unknown) => thrown)
    return isAppError(error, 'rate_limited') && error.retryAfterSeconds
  }
  const reset = String(Math.floor(nowMs / 1_000) + 7)
  expect(await waitFor({ 'x-ratelimit-reset': reset, 'retry-after': '3' })).toBe(7)
  expect(await waitFor({ 'retry-after': '3' })).toBe(3)
  expect(await waitFor({})).toBe(1)
  expect(await sink.deliver(delivery(), signal)).toMatchObject({ state: 'succeeded' })
})

test.each<[string, Parameters<TestAuth0['misbehaviours']['push']>[0], [number, string]]>([
  ['a 400', { status: 400 }, [400, 'http_400']],
  ['a 500', { status: 500 }, [502, 'http_500']],
  [
    'a redirect',
    { status: 302, headers: { location: 'http://169.254.169.254/' } },
    [502, 'http_302'],
  ],
  ['an HTML page', { status: 200, html: true }, [502, 'invalid_answer']],
  ['a 403', { status: 403 }, [502, 'credentials_refused']],
])('%s is told apart', async (_, misbehaviour, expected) => {
  know()
  auth0.misbehaviours.push(misbehaviour)
  expect(await failureOf(sink.deliver(delivery(), signal))).toEqual(expected)
})

test('a token is kept until five minutes before its end, and got anew once it is refused', async () => {
  know()
  for (const serial of [1, 2, 3]) await sink.deliver(delivery({ serial }), signal)
  expect(auth0.tokens).toBe(1)
  auth0.revokeTokens()
  await sink.deliver(delivery({ serial: 4 }), signal)
  expect(auth0.tokens).toBe(2)
  nowMs += (86_400 - 299) * 1_000
  await sink.deliver(delivery({ serial: 5 }), signal)
  expect(auth0.tokens).toBe(3)
})

test('a client that is refused waits for somebody to mend it', async () => {
  const wrong = createSink({ clientSecret: 'wrong' })
  expect(await failureOf(wrong.deliver(delivery(), signal))).toEqual([502, 'credentials_refused'])
})

test('a comparison tells what is missing, differs or should not be there', async () => {
  expect(await sink.compare(delivery(), signal)).toBe('missing')
  know()
  expect(await sink.compare(delivery(), signal)).toBe('different')
  await sink.deliver(delivery(), signal)
  expect(await sink.compare(delivery(), signal)).toBe('same')
  expect(await sink.compare(delivery({ isDeleted: true }), signal)).toBe('extra')
})
