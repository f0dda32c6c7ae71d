import { createHttpClient } from '../../connectors/http/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createSinks, type Sinks } from '../../workers/sinks.ts'
import { silentLog } from '../support/temporal.ts'

const http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
const partner = {
  name: 'partner',
  kind: 'webhook' as const,
  url: 'https://partner.example/hook',
  secret: { env: 'PARTNER_SECRET' },
  events: ['create', 'license.*'],
}

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  http.close()
  await database.close()
})

function open(change: object = {}): Sinks {
  const env = { PARTNER_SECRET: 'whsec_c2VjcmV0', PARTNER_TOKEN: 'let-me-in' }
  return createSinks({
    sinks: [{ ...partner, ...change }],
    secrets: { env, stored: new Map() },
    db: database.db,
    http,
  })
}

test('a webhook is opened with its secret, its patterns in their long form, and PUBLIC alone', () => {
  const { webhookSinks, profileSinks } = open({ attributes: ['staff_information'] })
  expect(webhookSinks).toEqual([
    {
      name: 'partner',
      url: partner.url,
      secret: 'whsec_c2VjcmV0',
      events: ['profile.create', 'license.*'],
      attributes: ['staff_information'],
      scopes: new Set(['display:all']),
      bearerToken: undefined,
    },
  ])
  expect(profileSinks.size).toBe(0)
})

test('a webhook may see what its scope says, and have a bearer token', () => {
  const { webhookSinks } = open({
    scope: 'read:fullprofile  display:none',
    bearerToken: { env: 'PARTNER_TOKEN' },
  })
  expect(webhookSinks).toMatchObject([
    { scopes: new Set(['read:fullprofile', 'display:none']), bearerToken: 'let-me-in' },
  ])
})

test.each([
  ['no url', { url: undefined }, /partner: url/],
  [
    'a url with credentials',
    { url: 'https://me:pass@partner.example/' },
    /partner: url: .*holds cred/,
  ],
  ['a secret that is not set', { secret: { env: 'NOWHERE' } }, /partner: .*NOWHERE is not set/],
  ['no events', { events: [] }, /partner: events/],
  ['an unknown event', { events: ['licence.*'] }, /partner: events\.0: must be create/],
  [
    'an unknown attribute',
    { attributes: ['nickname'] },
    /partner: attributes\.0: .*name of an attr/,
  ],
  ['an unknown setting', { retries: 3 }, /partner: .*retries/],
])('a webhook with %s stops the start', (_, change, message) => {
  expect(() => open(change)).toThrow(message)
})
