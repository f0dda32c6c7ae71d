import { expect, test } from '@jest/globals'
import { isCron } from '../../../core/roster/cron.ts'
import { findOneRosterVersion, parseDelay, providerSchema } from '../../../core/roster/provider.ts'

const smallest = {
  name: 'Spring Valley',
  kind: 'clever',
  baseUrl: 'https://api.clever.example/v3.1',
  auth: { type: 'bearer', token: 'district-token' },
}

test('providerSchema fills in what is not said', () => {
  expect(providerSchema.parse(smallest)).toEqual({
    ...smallest,
    filters: {},
    mappings: { userName: ['email', 'districtUsername'], onCollision: 'suffix' },
    guard: {
      deactivations: { atLeast: 50, percent: 10 },
      updates: { percent: 75 },
      shrunk: { percent: 50 },
      rekeyed: true,
      whileHeld: 'hold-all',
    },
    scim: { adopt: 'externalId', deleteAfter: null },
    timeZone: 'UTC',
    pauses: [],
  })
})

test('providerSchema takes everything that a provider may say', () => {
  const whole = {
    name: 'North',
    kind: 'oneroster',
    version: '1.2',
    baseUrl: 'https://sis.example/ims/oneroster/rostering/v1p2',
    auth: {
      type: 'oauth2',
      tokenUrl: 'https://sis.example/token',
      clientId: 'a',
      clientSecret: 'b',
    },
    schedule: { cron: '0 2 * * mon-fri', timeZone: 'America/Chicago' },
    filters: { roles: ['student', 'teacher'] },
    mappings: { userName: ['sisId@district.example', 'sisId'], onCollision: 'quarantine' },
    guard: {
      deactivations: { atLeast: 0, percent: 2.5 },
      updates: { percent: 100 },
      shrunk: { percent: 20 },
      rekeyed: false,
      whileHeld: 'apply-the-rest',
    },
    scim: {
      baseUrl: 'https://scim.example/scim/v2',
      auth: { type: 'bearer', token: 't' },
      adopt: 'userName',
      externalIdPrefix: 'north:',
      deleteAfter: 'P30D',
    },
    timeZone: 'America/Chicago',
    pauses: [{ weekly: 'Sat 00:00', for: 'P2D' }],
  }
  expect(providerSchema.parse(whole)).toEqual(whole)
})

test.each(['P30D', 'P0D', 'PT0S', 'P0W', 'PT1H'])('parseDelay() takes %s', (text) => {
  expect(parseDelay(text)).toBeDefined()
})

test.each(['', 'P', 'PT', '0', 'P0', 'P-1D', 'P1X'])('parseDelay() refuses "%s"', (text) => {
  expect(parseDelay(text)).toBeUndefined()
})

test.each([
  ['an unknown kind', { kind: 'skyward' }, 'kind'],
  ['an unknown field', { color: 'blue' }, ''],
  ['an unknown field within', { scim: { colour: 'blue' } }, 'scim'],
  ['a base URL that is none', { baseUrl: 'api.clever.com' }, 'baseUrl'],
  ['a base URL of files', { baseUrl: 'file:///etc' }, 'baseUrl'],
  ['a base URL with credentials', { baseUrl: 'https://a:b@sis.example' }, 'baseUrl'],
  ['a base URL with a query', { baseUrl: 'https://sis.example/?a=b' }, 'baseUrl'],
  [
    'a credential of another kind',
    { auth: { type: 'oauth1', consumerKey: 'k', consumerSecret: 's' } },
    'auth.type',
  ],
  ['a target without its credential', { scim: { baseUrl: 'https://scim.example' } }, 'scim.auth'],
  ['no cron', { schedule: { cron: '61 2 * * *' } }, 'schedule'],
  ['a schedule of nothing', { schedule: { everySeconds: 0 } }, 'schedule'],
  ['no zone', { timeZone: 'Springfield' }, 'timeZone'],
  ['a mapping of nothing', { mappings: { userName: ['phone'] } }, 'mappings.userName.0'],
  ['more than all', { guard: { deactivations: { percent: 101 } } }, 'guard.deactivations.percent'],
  ['no duration', { scim: { deleteAfter: '30 days' } }, 'scim.deleteAfter'],
])('providerSchema refuses %s', (_name, change, path) => {
  const { error } = providerSchema.safeParse({ ...smallest, ...change })
  expect(error?.issues.map((issue) => issue.path.join('.')).join()).toContain(path)
})

test.each([
  ['0 2 * * *', true],
  ['*/15 0-6,22 1,15 jan-mar mon-fri/2', true],
  ['0 2 * * 7', true],
  ['60 2 * * *', false],
  ['0 2 * *', false],
  ['0 2 * * * *', false],
  ['0 5-2 * * *', false],
  ['*/0 * * * *', false],
  ['0 2 0 * *', false],
  ['@daily', false],
])('isCron() judges "%s"', (text, expected) => {
  expect(isCron(text)).toBe(expected)
})

test.each([
  ['https://sis.example/ims/oneroster/v1p1', undefined, '1.1'],
  ['https://sis.example/ims/oneroster/rostering/v1p2/', undefined, '1.2'],
  ['https://sis.example/api', '1.2', '1.2'],
] as const)('findOneRosterVersion() reads %s', (baseUrl, version, expected) => {
  expect(findOneRosterVersion({ baseUrl, version })).toBe(expected)
})
