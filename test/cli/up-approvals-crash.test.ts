import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { signLocalToken } from '../../crypto/token.ts'
import { createDatabase, type Database } from '../../db/client.ts'
import { killPart, type Part } from '../support/kill-part.ts'
import { waitUntil } from '../support/polling.ts'
import {
  startRegistrar,
  stopRegistrar,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir } from '../support/scratch.ts'

type Answer = { readonly status: number; readonly body: Record<string, any> } // oxlint-disable-line typescript/no-explicit-any -- answers of any form
type Call = {
  readonly as: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const GROUP = 'login_approvers'
const voters = ['ada', 'bea', 'cyd']
const SCOPES =
  'user:write user:register group:write approval:vote approval:read approval:admin user:authn'
const PATIENCE_MS = 90_000
const PASSWORD = 'quite a long passphrase 7'

const keys = generateKeyRingDocument()
const ring = createKeyRing(keys)
let dataDir: string
let registrar: RunningRegistrar
let db: Database
let removeScratch: () => Promise<void>

beforeAll(async () => {
  const scratch = await createScratchDir('approvals')
  removeScratch = scratch.remove
  dataDir = join(scratch.path, 'data')
  const env = { KEY_RING: JSON.stringify(keys), RATE_LIMIT_PER_SECOND: '0' }
  registrar = await startRegistrar(dataDir, { env })
  db = createDatabase({ connectionString: registrar.run.databaseUrl, applicationName: 'test' })
})
afterAll(async () => {
  await db.end()
  await stopRegistrar(registrar)
  await removeScratch()
})

async function call(method: string, path: string, { as, json, headers }: Call): Promise<Answer> {
  const token = await signLocalToken(ring, { subject: as, scope: SCOPES, ttlSeconds: 300 })
  const response = await fetch(`${registrar.run.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

/** Sends a call until it is answered, whatever dies meanwhile: with one key it counts once. */
async function insist(method: string, path: string, request: Call): Promise<Answer> {
  const headers = { ...request.headers, 'idempotency-key': randomUUID() }
  let answer: Answer | undefined
  await waitUntil(
    `${method} ${path} is answered`,
    async () => {
      answer = await call(method, path, { ...request, headers }).catch(() => undefined)
      return answer !== undefined && answer.status < 500 && answer.status !== 409
    },
    { patienceMs: PATIENCE_MS },
  )
  if (!answer) throw new Error('Cannot go on without an answer')
  return answer
}

async function addPerson(login: string, groups: readonly string[] = []): Promise<void> {
  const json = { email: `${login}@example.org`, name: login }
  await call('PUT', `/user/${login}`, { as: 'admin', json })
  for (const group of groups) {
    await call('PUT', `/v1/groups/${group}`, { as: 'admin' })
    await call('PUT', `/v1/groups/${group}/members/${login}`, { as: 'admin' })
  }
}

async function reminded(approvalId: string): Promise<void> {
  const query = `select 1 from approval_history where approval_id = $1 and event = 'reminded'`
  await waitUntil('the reminder came', async () => (await list(query, approvalId)).length > 0, {
    patienceMs: PATIENCE_MS,
  })
}

async function list(query: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
  return (await db.query<Record<string, unknown>>(query, values)).rows
}

test('every vote counts once, and timer and effect come once, whatever is killed with -9', async () => {
  for (const voter of voters) await addPerson(voter, [GROUP])
  await addPerson('pat')
  const policy = {
    stages: [{ name: 'registration', approvers: { group: GROUP }, quorum: 3 }],
    reminders: ['PT2S'],
    expiresAfter: 'PT10M',
  }
  const path = '/v1/approval-policies/login-registration'
  const put = await call('PUT', path, { as: 'admin', json: policy, headers: { 'if-match': '"0"' } })
  expect(put.status).toBe(200)
  const registration = { login: 'pat', email: 'pat@example.org', password: PASSWORD }
  const registered = await call('POST', '/user/register', { as: 'portal', json: registration })
  expect(registered.status).toBe(202)
  const [{ id: approvalId = '' } = {}] = await list('select id from approvals')
  const [{ hash: subjectHash = '' } = {}] = await list('select subject_hash as hash from approvals')

  const order: readonly Part[] = ['worker', 'engine', 'API']
  for (const [index, part] of order.entries()) {
    // The last vote closes the approval, which then needs no reminder.
    if (index === order.length - 1) await reminded(String(approvalId))
    const json = { verdict: 'approve', reason: 'Known', subjectHash }
    const voting = insist('POST', `/v1/approvals/${String(approvalId)}/votes`, {
      as: voters[index] ?? '',
      json,
    })
    const [answer] = await Promise.all([voting, killPart({ dataDir, registrar }, part)])
    expect([part, answer.status, answer.body['code']]).toEqual([part, 200, undefined])
  }

  await waitUntil('the effect is there', async () => {
    const found = await list('select state from approvals where id = $1', approvalId)
    return found[0]?.['state'] === 'applied'
  })
  const events = await list(
    `select event, count(*)::integer as times from approval_history
     where approval_id = $1 and event in ('voted', 'reminded', 'approved', 'applied')
     group by event order by event`,
    approvalId,
  )
  expect(events).toEqual([
    { event: 'applied', times: 1 },
    { event: 'approved', times: 1 },
    { event: 'reminded', times: 1 },
    { event: 'voted', times: 3 },
  ])
  const audited = await list(
    `select count(*)::integer as times from audit_entries
     where action = 'approval.applied' and subject_id = $1`,
    approvalId,
  )
  expect(audited).toEqual([{ times: 1 }])
  const login = await call('POST', '/v1/users/pat/authenticate', {
    as: 'portal',
    json: { password: PASSWORD },
  })
  expect(login.body).toBe(true)
}, 600_000)
