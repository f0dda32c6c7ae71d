import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { createRandom } from '../../core/sample/random.ts'
import { createDatabase } from '../../db/client.ts'
import { countWaitingDeliveries } from '../../db/webhook/housekeeping.ts'
import { startMailbox, type Mailbox } from '../support/mailbox.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  startRegistrar,
  stopRegistrar,
  waitUntilReady,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'
import { SINK_SECRET, verifyRequest } from '../support/webhooks.ts'

const PERSONS = 12
const ROUNDS = 3
const PATIENCE_MS = 100_000
const random = createRandom('webhook-kills', 1)

let scratch: ScratchDir
let dataDir: string
let receiver: Receiver
let mailbox: Mailbox
let publishers: TestPublishers
let registrar: RunningRegistrar
let writeToken: string
let secret: string

beforeAll(async () => {
  scratch = await createScratchDir('webhooks')
  dataDir = join(scratch.path, 'data')
  publishers = await createTestPublishers()
  mailbox = await startMailbox()
  receiver = await startReceiver()
  // Every tenth message is refused once, and is therefore sent again after 5 s.
  const refused = new Set<unknown>()
  receiver.behave((response, { headers }) => {
    const id = headers['webhook-id']
    const isRefused = !refused.has(id) && refused.add(id) && refused.size % 10 === 0
    response.writeHead(isRefused ? 500 : 204).end()
  })
  registrar = await startRegistrar(dataDir, { env: await writeSettings() })
  writeToken = await createToken('write', '--publisher', 'ldap')
  secret = await subscribe()
})
afterAll(async () => {
  await stopRegistrar(registrar)
  await Promise.all([receiver.close(), mailbox.close(), publishers.close()])
  await scratch.remove()
})

async function writeSettings(): Promise<Record<string, string>> {
  const sinks = [
    {
      name: 'partner',
      kind: 'webhook',
      url: `${receiver.url}/sink`,
      secret: { env: 'PARTNER_SECRET' },
      events: ['profile.*', 'license.*'],
      scope: 'read:fullprofile display:all',
    },
  ]
  const compacts = Object.fromEntries(
    defaultCompacts.map(({ abbreviation, name, licenseTypes }) => [
      abbreviation,
      { name, licenseTypes, contacts: { oh: ['board@oh.example'] } },
    ]),
  )
  const [sinksFile, compactsFile] = ['sinks.json', 'compacts.json'].map((file) =>
    join(scratch.path, file),
  )
  await writeFile(sinksFile ?? '', JSON.stringify(sinks))
  await writeFile(compactsFile ?? '', JSON.stringify(compacts))
  return {
    SINKS_FILE: sinksFile ?? '',
    COMPACTS_FILE: compactsFile ?? '',
    PUBLISHERS_FILE: publishers.file,
    PARTNER_SECRET: SINK_SECRET,
    SMTP_URL: mailbox.url,
    SMTP_FROM: 'Registrar <registrar@registrar.example>',
    PUBLIC_URL: 'https://registrar.example',
    ALLOW_PRIVATE_TARGETS: 'true',
  }
}

async function createToken(scope: string, ...args: string[]): Promise<string> {
  const all = ['token', '--subject', 'tester', '--scope', scope, '--data-dir', dataDir, ...args]
  return (await spawnRegistrar(all).result).stdout.trim()
}

async function post(path: string, token: string, body: unknown): Promise<unknown> {
  // What is killed answers nobody, and what comes back answers 503 at first.
  for (;;) {
    const answer = await fetch(`${registrar.run.apiUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => undefined)
    if (answer?.ok === true) return await answer.json()
    if (answer && answer.status < 500) throw new Error(`${path}: ${await answer.text()}`)
    await delay(50)
  }
}

async function subscribe(): Promise<string> {
  const token = await createToken('webhook:write read:fullprofile display:all')
  const body = { url: `${receiver.url}/subscription`, events: ['create', 'update'] }
  const answer = await post('/v1/webhook-subscriptions', token, body)
  return (answer as { secret: string }).secret
}

async function change(person: number, round: number): Promise<void> {
  const body = await publishers.signAll(
    'ldap',
    round === 0
      ? {
          user_id: toUserId(person),
          primary_email: `person${person}@example.com`,
          login_method: 'Mozilla-LDAP',
          ssh_public_keys: { first: 'ssh-ed25519 AAAA' },
        }
      : { ssh_public_keys: { first: `ssh-ed25519 AAAA${round}` } },
  )
  await post(`/v2/user?user_id=${encodeURIComponent(toUserId(person))}`, writeToken, body)
}

function toUserId(person: number): string {
  return `ad|Mozilla-LDAP|person${person}`
}

async function killSomething(): Promise<void> {
  const { services, postgres, temporal } = await listRegistrarProcesses(dataDir)
  const kinds = [services, services, postgres, temporal]
  const pids = kinds[Math.floor(random.next() * kinds.length)] ?? []
  const pid = pids[Math.floor(random.next() * pids.length)]
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

type Event = { readonly id: string; readonly serial: number }

/** What has arrived at an address, verified, in the order of arrival and each message once. */
function readEvents(path: string, key: string): Event[] {
  const arrived = new Map<unknown, Event>()
  for (const request of receiver.requests.filter(({ url }) => url === path)) {
    // The library refuses what is older than five minutes: a test takes less.
    const event = verifyRequest(request, key) as Event // of either kind
    const before = arrived.get(request.headers['webhook-id'])
    expect(before ?? event).toEqual(event)
    arrived.set(request.headers['webhook-id'], event)
  }
  return [...arrived.values()]
}

async function listNewestSerials(): Promise<Map<string, number>> {
  const token = await createToken('change:read', '--publisher', 'ldap')
  const newest = new Map<string, number>()
  for (let person = 0; person < PERSONS; person += 1) {
    const query = new URLSearchParams({ user_id: toUserId(person), limit: '100' })
    const answer = await fetch(`${registrar.run.apiUrl}/v1/changes?${query.toString()}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { items } = (await answer.json()) as { items: { serial: number }[] }
    newest.set(toUserId(person), Math.max(...items.map(({ serial }) => serial)))
  }
  return newest
}

function hasAll(events: readonly Event[], newest: ReadonlyMap<string, number>): boolean {
  return [...newest].every(([id, serial]) =>
    events.some((event) => event.id === id && event.serial === serial),
  )
}

async function countWaiting(): Promise<number> {
  const db = createDatabase({
    connectionString: registrar.run.databaseUrl,
    applicationName: 'test',
  })
  const waiting = await countWaitingDeliveries(db)
  await db.end()
  return waiting.reduce((sum, { count }) => sum + count, 0)
}

async function waitPatiently(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!isTrue() && Date.now() < deadline) await delay(100)
  await waitUntil(what, async () => await Promise.resolve(isTrue()))
}

test('whatever is killed, every change arrives, signed and in order, at sink and subscription', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const persons = Array.from({ length: PERSONS }, (_, person) => person)
    const changes = Promise.all(persons.map(async (person) => await change(person, round)))
    await delay(200 + random.next() * 800)
    await killSomething()
    await changes
  }
  await waitUntilReady(registrar.run.apiUrl)
  const newest = await listNewestSerials()
  const endpoints = [
    ['/sink', SINK_SECRET],
    ['/subscription', secret],
  ] as const
  for (const [path, key] of endpoints) {
    await waitPatiently(`all has arrived at ${path}`, () => hasAll(readEvents(path, key), newest))
    const last = new Map<string, number>()
    for (const { id, serial } of readEvents(path, key)) {
      expect(serial).toBeGreaterThan(last.get(id) ?? 0)
      last.set(id, serial)
    }
    expect(last).toEqual(newest)
  }
}, 600_000)

test('an upload that ends while the worker is killed is one digest, by webhook and by mail', async () => {
  const file = join(scratch.path, 'licenses.csv')
  const sample = ['sample', 'licenses', '--rows', '200', '--seed', '7', '--out', file]
  await spawnRegistrar(sample).result
  const board = ['--compact', 'aslp', '--jurisdiction', 'oh', '--data-dir', dataDir]
  const upload = spawnRegistrar(['upload', file, ...board, '--json'])
  await delay(1_500)
  const { services } = await listRegistrarProcesses(dataDir)
  for (const pid of services.slice(1)) process.kill(pid, 'SIGKILL')
  const { uploadId } = JSON.parse((await upload.result).stdout) as { uploadId: string }
  const readDigests = (): unknown[] =>
    readEvents('/sink', SINK_SECRET).filter((event) => {
      const { type, subject } = event as unknown as { type?: string; subject?: string }
      return type === 'license.digest' && subject === `uploads/${uploadId}`
    })
  const readMails = (): unknown[] =>
    mailbox.mails.filter(({ content }) => content.includes(`<upload-digest.${uploadId}@`))
  await waitPatiently('the digest has arrived', () => readDigests().length > 0)
  await waitPatiently('the mail has arrived', () => readMails().length > 0)
  await waitUntil('nothing is left to send', async () => (await countWaiting()) === 0)
  expect([readDigests().length, readMails().length]).toEqual([1, 1])
}, 600_000)
