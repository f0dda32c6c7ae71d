import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Context } from '@temporalio/activity'
import { withFailures } from '../../activities/failures.ts'
import { createSignatureActivities } from '../../activities/signature.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { findAttribute, type Profile, type PublisherName } from '../../core/profile/document.ts'
import { isSignedBy } from '../../crypto/profile-signature.ts'
import {
  createPublishers,
  generatePublishersDocument,
  type PublisherJwk,
  type Publishers,
  type PublishersDocument,
} from '../../crypto/publishers.ts'
import { withTransaction } from '../../db/client.ts'
import { submitChange } from '../../db/profile/intake.ts'
import {
  findSignatureRun,
  insertSignatureRun,
  listSignatureFaults,
  type SignatureRun,
} from '../../db/profile/signature-runs.ts'
import { signatureRunWorkflowId, workflowTypes } from '../../workflows/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

const USER_ID = 'ad|Mozilla-LDAP|someone'

let database: TestDatabase
let temporal: TestTemporal
let first: TestPublishers
let other: PublishersDocument
let worker: TestWorker
let publishers: Publishers
// Called by a look that is under way, which then goes on only once it is cancelled.
let onHeld: (() => void) | undefined

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  first = await createTestPublishers()
  other = await generatePublishersDocument()
  worker = await createTestWorker(temporal, {
    activities: withFailures(
      createSignatureActivities({
        db: database.db,
        async intake() {
          onHeld?.()
          if (onHeld) await once(Context.current().cancellationSignal, 'abort')
          return { publishers, lanes: [], sinks: [] }
        },
      }),
    ),
  })
})
beforeEach(async () => {
  await database.db.query('truncate profiles, profile_changes, signature_runs cascade')
  publishers = first.publishers
  const body = await first.signWhole('ldap', {
    user_id: USER_ID,
    active: true,
    primary_email: 'someone@example.org',
  })
  const submission = { userId: USER_ID, publisher: 'ldap', actor: 'test', requestId: 'r' } as const
  const deps = { publishers, lanes: [], sinks: [] }
  await withTransaction(
    database.db,
    async (tx) => await submitChange(tx, deps, { ...submission, body, receivedAt: new Date() }),
  )
})
afterAll(async () => {
  await worker.close()
  await first.close()
  await temporal.close()
  await database.close()
})

/** The publishers with other keys for some of them. */
function withKeys(keys: Partial<Record<PublisherName, readonly PublisherJwk[]>>): Publishers {
  const replaced = Object.entries(keys).map(([name, list]) => [name, { jwks: { keys: list } }])
  return createPublishers({
    ...first.document,
    publishers: { ...first.document.publishers, ...Object.fromEntries(replaced) },
  })
}

function keyOf(document: PublishersDocument, name: PublisherName): PublisherJwk {
  const [jwk] = document.publishers[name]?.jwks.keys ?? []
  if (!jwk) throw new Error(`Cannot find a key of ${name}`)
  return jwk
}

function publicPart({ kty, n, e, kid }: PublisherJwk): PublisherJwk {
  return { kty, n, e, kid }
}

async function check(renew = true, id: string = randomUUID()): Promise<SignatureRun> {
  await insertSignatureRun(database.db, { id, renew, startedBy: 'bob' })
  await handOverStart(temporal.client, {
    workflowId: signatureRunWorkflowId(id),
    workflowType: workflowTypes.signatureCheck,
    taskQueue: worker.taskQueue,
    input: { runId: id },
    summary: 'Looks at every signature of the vault',
    requestId: 'r-2',
  })
  let run: SignatureRun | undefined
  await waitUntil('the run ends', async () => {
    run = await findSignatureRun(database.db, id)
    return run?.endedAt !== null
  })
  if (!run) throw new Error('Cannot find the run')
  return run
}

async function readPerson(): Promise<{ document: Profile; version: number; changes: unknown[] }> {
  const { rows } = await database.db.query<{ document: Profile; version: number }>(
    'select document, version::integer as version from profiles',
  )
  const { rows: changes } = await database.db.query(
    'select publisher, condition, changed, actor from profile_changes order by serial desc',
  )
  const [row] = rows
  if (!row) throw new Error('Cannot find the person')
  return { ...row, changes }
}

test('what is signed with the keys of now is left as it is', async () => {
  const before = await readPerson()
  expect(await check()).toMatchObject({ persons: 1, current: 7, renewed: 0, keyGone: 0 })
  expect(await readPerson()).toEqual(before)
})

test('what an older key has signed is signed anew, and says the same', async () => {
  const before = await readPerson()
  const old = publicPart(keyOf(first.document, 'ldap'))
  publishers = withKeys({ ldap: [keyOf(other, 'ldap'), old] })
  const run = await check()
  expect(run).toMatchObject({ state: 'succeeded', current: 4, renewed: 3, renewable: 0 })
  const after = await readPerson()
  expect(after.version).toBe(before.version + 1)
  expect(after.changes[0]).toEqual({
    publisher: 'cis',
    condition: 'update',
    changed: [],
    actor: 'bob',
  })
  const [email, emailBefore] = [after, before].map(({ document }) =>
    findAttribute(document, 'primary_email'),
  )
  expect({ ...email, signature: null }).toEqual({ ...emailBefore, signature: null })
  const current = withKeys({ ldap: [keyOf(other, 'ldap')] }).keysOf('ldap', new Date())
  expect(email && isSignedBy(email, current)).toBe(true)
  const { rows } = await database.db.query(
    `select cause ->> 'signatureRunId' as id from audit_entries order by seq desc limit 1`,
  )
  expect(rows).toEqual([{ id: run.id }])
  expect(await check()).toMatchObject({ current: 7, renewed: 0 })
  await keepHistory(temporal, {
    workflowId: signatureRunWorkflowId(run.id),
    workflowType: workflowTypes.signatureCheck,
    branch: 'renewed',
  })
})

test('a run that only looks counts what could be renewed', async () => {
  const before = await readPerson()
  const old = publicPart(keyOf(first.document, 'ldap'))
  publishers = withKeys({ ldap: [keyOf(other, 'ldap'), old] })
  expect(await check(false)).toMatchObject({ renewable: 3, renewed: 0 })
  expect(await readPerson()).toEqual(before)
})

test.each<[string, (key: PublisherJwk) => readonly PublisherJwk[], string]>([
  ['a key that has ended', (key) => [{ ...publicPart(key), exp: 1 }], 'expired'],
  ['a key that is gone', () => [publicPart(keyOf(other, 'ldap'))], 'key_gone'],
])('what %s has signed is reported, and stays', async (_, keysOf, reason) => {
  const before = await readPerson()
  publishers = withKeys({ ldap: keysOf(keyOf(first.document, 'ldap')) })
  const run = await check()
  expect(run).toMatchObject({ current: 4, renewed: 0 })
  const faults = await listSignatureFaults(database.db, {
    runId: run.id,
    after: undefined,
    limit: 10,
  })
  expect(faults).toMatchObject(
    ['active', 'primary_email', 'user_id'].map((attribute) => ({
      attribute,
      publisher: 'ldap',
      reason,
    })),
  )
  expect(await readPerson()).toEqual(before)
})

test('a look that is cancelled ends as failed, and the next one goes on', async () => {
  const before = await readPerson()
  const old = publicPart(keyOf(first.document, 'ldap'))
  publishers = withKeys({ ldap: [keyOf(other, 'ldap'), old] })
  const id = randomUUID()
  const workflowId = signatureRunWorkflowId(id)
  const held = new Promise<void>((resolve) => (onHeld = resolve))
  const ended = check(true, id)
  await held
  await temporal.client.call(async (client) => await client.workflow.getHandle(workflowId).cancel())
  expect(await ended).toMatchObject({ state: 'failed', persons: 0, renewed: 0 })
  expect(await readPerson()).toEqual(before)
  onHeld = undefined
  await keepHistory(temporal, {
    workflowId,
    workflowType: workflowTypes.signatureCheck,
    branch: 'cancelled',
  })
  expect(await check()).toMatchObject({ state: 'succeeded', renewed: 3 })
})
