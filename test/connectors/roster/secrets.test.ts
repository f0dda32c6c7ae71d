import { inspect } from 'node:util'
import { startCleverStandIn } from '../../../cli/sample-district/clever.ts'
import { startOneRosterStandIn } from '../../../cli/sample-district/oneroster.ts'
import type { DistrictServer, StandInOutcome } from '../../../cli/sample-district/server.ts'
import type { HttpClient } from '../../../connectors/http/client.ts'
import type { RosterSourceSettings } from '../../../connectors/roster/settings.ts'
import {
  createLoopbackClient,
  createTestDistrict,
  openSource,
  pull,
} from '../../support/roster-servers.ts'

const BODY = 'canary-of-a-body'

let http: HttpClient
let servers: readonly DistrictServer[]
let settings: readonly RosterSourceSettings[]

beforeAll(async () => {
  http = createLoopbackClient()
  const clever = await startCleverStandIn({ district: createTestDistrict('clever') })
  const district = createTestDistrict('oneroster')
  const oneRosters = await Promise.all(
    (['bearer', 'oauth1', 'oauth2'] as const).map(
      async (authType) => await startOneRosterStandIn({ district, version: '1.2', authType }),
    ),
  )
  servers = [clever, ...oneRosters]
  settings = [clever.clientSettings, ...servers.map((server) => server.settings)]
})
afterAll(async () => {
  for (const server of servers) await server.close()
  http.close()
})

function listSecrets({ auth }: RosterSourceSettings): string[] {
  const members = new Map(Object.entries(auth))
  return ['token', 'clientSecret', 'consumerSecret'].flatMap((name) => members.get(name) ?? [])
}

test.each<readonly [string, StandInOutcome]>([
  ['refuses the credential', { status: 401, body: { message: BODY } }],
  ['forbids it', { status: 403, body: { error: BODY } }],
  ['answers with an error', { status: 500, body: `<html>${BODY}</html>` }],
  ['answers with HTML', { status: 200, body: `<html>${BODY}</html>` }],
  ['answers with an error envelope', { status: 200, body: { error: BODY } }],
  ['hangs up', 'hang-up'],
])('no failure holds a secret or a body where the source %s', async (_, outcome) => {
  for (const server of servers) server.intercept(() => outcome)
  const failures: unknown[] = []
  for (const one of settings) {
    const source = openSource(one, { http, maxAttempts: 1 })
    await pull(source).catch((error: unknown) => failures.push(error))
  }
  expect(failures).toHaveLength(settings.length)
  // With causes and every own member.
  const text = inspect(failures, { depth: 8 })
  for (const word of [BODY, ...settings.flatMap(listSecrets)]) expect(text).not.toContain(word)
})
