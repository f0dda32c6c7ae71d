import { startCleverStandIn } from '../../cli/sample-district/clever.ts'
import { startOneRosterStandIn } from '../../cli/sample-district/oneroster.ts'
import type { DistrictServer } from '../../cli/sample-district/server.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { signLocalToken } from '../../crypto/token.ts'
import { createDatabase } from '../../db/client.ts'
import { listFinds, readLogFiles, readWorkflows, type Place } from '../support/canary.ts'
import { waitUntil } from '../support/polling.ts'
import {
  startRegistrar,
  stopRegistrar,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import {
  failWithPeople,
  markPeople,
  PERSON_WORD,
  SECRET_WORDS,
  startTellingScim,
  type TellingScim,
} from '../support/roster-canary.ts'
import { createTestDistrict } from '../support/roster-servers.ts'
import { createProviderBody, ROSTER_SCOPES } from '../support/rosters.ts'
import { createScratchDir } from '../support/scratch.ts'
import { createTestTemporal } from '../support/temporal.ts'

const TENANT = 'spring-valley'
const PEOPLE = 60
// What is known of people for the sync's sake.
const TABLES_OF_PEOPLE = /^(public\.roster_(users|accounts|changes)|staging\.)/

type Answer = Readonly<Record<string, unknown>>

let registrar: RunningRegistrar
let token: string
let tables: Place[]
let places: Place[]
let secrets: string[]
const states: string[] = []
let served = ''

beforeAll(async () => {
  const scratch = await createScratchDir('roster-words')
  const keys = generateKeyRingDocument()
  registrar = await startRegistrar(scratch.path, {
    env: {
      KEY_RING: JSON.stringify(keys),
      ALLOW_PRIVATE_TARGETS: 'true',
      LOG_LEVEL: 'trace',
      MAX_RETRY_ATTEMPTS: '1',
    },
  })
  const claims = { subject: 'operator', scope: ROSTER_SCOPES, tenant: TENANT, ttlSeconds: 3_600 }
  token = await signLocalToken(createKeyRing(keys), claims)
  const clever = await startCleverStandIn({
    district: createTestDistrict('clever', { users: PEOPLE }),
  })
  const oneRoster = await startOneRosterStandIn({
    district: createTestDistrict('oneroster', { users: PEOPLE }),
    version: '1.1',
    authType: 'oauth1',
  })
  const scims: TellingScim[] = []
  for (const server of [clever, oneRoster]) {
    const scim = await startTellingScim()
    scims.push(scim)
    await live(server, scim)
  }
  const {
    temporalAddress: address,
    temporalNamespace: namespace,
    databaseUrl,
    apiUrl,
  } = registrar.run
  const temporal = createTestTemporal({ address, namespace, ring: createKeyRing(keys) })
  const workflows = await readWorkflows(temporal)
  await temporal.close()
  const metrics = await (await fetch(`${apiUrl}/metrics`)).text()
  tables = await readTables(databaseUrl)
  const files = await readLogFiles(scratch.path)
  const { stdout, stderr } = await stopRegistrar(registrar)
  const printed = { stdout, stderr, metrics }
  places = [
    ...workflows,
    ...files,
    ...Object.entries(printed).map(([name, text]) => ({ name, text })),
  ]
  secrets = [...SECRET_WORDS, ...[clever, oneRoster].flatMap(listSecrets)]
  await Promise.all([clever, oneRoster, ...scims].map(async (one) => await one.close()))
  await scratch.remove()
}, 600_000)

/** One provider's life: a run with refusals, one that goes on, a repair, and one that fails amid people. */
async function live(server: DistrictServer, scim: TellingScim): Promise<void> {
  server.intercept((request, answer) => {
    const marked = markPeople(request, answer)
    served += JSON.stringify(marked)
    return marked
  })
  const { kind, baseUrl, auth } = server.settings
  const body = createProviderBody({
    kind,
    baseUrl,
    auth,
    ...('version' in server.settings && { version: server.settings.version }),
    scim: { baseUrl: scim.url, auth: { type: 'bearer', token: scim.token } },
    filters: { roles: ['student', 'teacher', 'contact', 'guardian', 'parent'] },
  })
  const { id: providerId } = await call(`/tenants/${TENANT}/providers`, body)
  await sync({ providerId, mode: 'full' })
  server.mutate({ kind: 'rename', seed: 1, at: new Date().toISOString() })
  await sync({ providerId, mode: 'incremental' })
  await spoil(scim)
  await reconcile({ providerId, repair: true })
  server.intercept(failWithPeople)
  await sync({ providerId, mode: 'full' })
}

async function sync(body: object): Promise<void> {
  const { syncId } = await call(`/sync/${TENANT}/start`, body)
  states.push(await waitForEnd(`/sync/${TENANT}/history/${String(syncId)}`))
}

async function reconcile(body: object): Promise<void> {
  const { id } = await call(`/sync/${TENANT}/reconcile`, body)
  states.push(await waitForEnd(`/sync/${TENANT}/reconciles/${String(id)}`))
}

async function spoil({ url, token: scimToken }: TellingScim): Promise<void> {
  const headers = {
    authorization: `Bearer ${scimToken}`,
    'content-type': 'application/scim+json',
  }
  const answer = await fetch(`${url}/Users?startIndex=1&count=2`, { headers })
  const { Resources } = (await answer.json()) as { Resources: { id: string }[] }
  const [gone, changed] = Resources.map(({ id }) => `${url}/Users/${id}`)
  await fetch(gone ?? '', { method: 'DELETE', headers })
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'displayName', value: `${PERSON_WORD} by hand` }],
  })
  await fetch(changed ?? '', { method: 'PATCH', headers, body })
}

async function waitForEnd(path: string): Promise<string> {
  let answer: Answer = {}
  await waitUntil(
    'it ends',
    async () => {
      answer = await call(path)
      return typeof answer['endedAt'] === 'string' || answer['state'] === 'held'
    },
    { patienceMs: 300_000 },
  )
  return String(answer['state'])
}

async function call(path: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${registrar.run.apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Answer
}

async function readTables(connectionString: string): Promise<Place[]> {
  const db = createDatabase({ connectionString, applicationName: 'test' })
  const { rows } = await db.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const found: Place[] = []
  for (const { name } of rows) {
    const { rows: dump } = await db.query<{ text: string | null }>(
      `select json_agg(t)::text as text from ${name} as t`,
    )
    found.push({ name, text: dump[0]?.text ?? '' })
  }
  await db.end()
  return found
}

function listSecrets({ settings: { auth } }: DistrictServer): string[] {
  const members = new Map(Object.entries(auth))
  return ['token', 'clientSecret', 'consumerSecret'].flatMap((name) => members.get(name) ?? [])
}

// Bytes of a dump are hexadecimal.
function withBytes(words: readonly string[]): string[] {
  return [...words, ...words.map((word) => Buffer.from(word).toString('hex'))]
}

test('passwords, phones, guardians and credentials are nowhere', () => {
  expect(listFinds([...places, ...tables], withBytes(secrets))).toEqual([])
})

test('who people are is in no log, workflow, search attribute, failure or metric', () => {
  const told = tables.filter(({ name }) => !TABLES_OF_PEOPLE.test(name))
  const words = withBytes([PERSON_WORD, 'Quokka'])
  expect(listFinds([...places, ...told], words)).toEqual([])
})

test('all of it was looked at: people, refusals, a repair and a failure', () => {
  const textOf = (name: string): string =>
    [...places, ...tables].find((place) => place.name === name)?.text ?? ''
  const life = ['partial', 'succeeded', 'succeeded', 'failed']
  expect(states).toEqual([...life, ...life])
  for (const word of [PERSON_WORD, ...SECRET_WORDS]) expect(served).toContain(word)
  expect(textOf('public.roster_accounts')).toContain(PERSON_WORD)
  expect(textOf('public.roster_errors')).toContain('http_400')
  expect(textOf('public.roster_drifts')).toContain('repaired')
  expect(textOf('stderr')).toContain(`/sync/`)
  expect(textOf('metrics')).toContain('/sync/')
  const names = places.map(({ name }) => name)
  for (const kind of ['roster-run:', 'roster-reconcile:']) {
    expect(names.some((name) => name.startsWith(kind))).toBe(true)
  }
})
