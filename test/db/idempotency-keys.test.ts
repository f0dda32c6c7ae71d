import { randomUUID } from 'node:crypto'
import {
  claimIdempotencyKey,
  findIdempotencyRecord,
  releaseIdempotencyKey,
  settleIdempotencyKey,
  type IdempotencyClaim,
} from '../../db/idempotency-keys.ts'
import { createPresence, type Presence } from '../../db/presence.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/polling.ts'

let database: TestDatabase
let first: Presence
let second: Presence
const body = Buffer.from('body')
const reply = { status: 201, headers: {}, body: { id: 'a' } }

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(() => {
  const options = { connectionString: database.url, applicationName: 'test' }
  first = createPresence(options)
  second = createPresence(options)
})
afterEach(async () => {
  await first.close()
  await second.close()
})
afterAll(async () => {
  await database.close()
})

async function createClaims(): Promise<[IdempotencyClaim, IdempotencyClaim]> {
  const scope = { principal: 'p', route: 'POST /a', key: randomUUID() }
  return [
    { ...scope, holder: await waitForKey(first) },
    { ...scope, holder: await waitForKey(second) },
  ]
}

// A busy machine may not connect in time at once.
async function waitForKey(presence: Presence): Promise<string> {
  let key: string | undefined
  await waitUntil('there is a session', async () => {
    key = await presence.findKey()
    return key !== undefined
  })
  return key ?? ''
}

async function countLocks(): Promise<number> {
  const { rows } = await database.db.query<{ count: number }>(
    `select count(*) from pg_locks l join pg_database d on d.oid = l.database
     where l.locktype = 'advisory' and d.datname = current_database()`,
  )
  return rows[0]?.count ?? 0
}

test('a key is free at once when the process of its request has died, and never before', async () => {
  const [of, by] = await createClaims()
  expect(await claimIdempotencyKey(database.db, of, body)).toBe(true)
  expect(await claimIdempotencyKey(database.db, by, body)).toBe(false)
  expect(await claimIdempotencyKey(database.db, of, body)).toBe(false)
  await first.close()
  await waitUntil('it is free', async () => await claimIdempotencyKey(database.db, by, body))
  expect(await claimIdempotencyKey(database.db, of, body)).toBe(false)
})

test('a dead request keeps its key from other content, and its answer', async () => {
  const [of, by] = await createClaims()
  await claimIdempotencyKey(database.db, of, body)
  await first.close()
  expect(await claimIdempotencyKey(database.db, by, Buffer.from('another'))).toBe(false)
  expect(await settleIdempotencyKey(database.db, of, reply)).toBe(true)
  expect(await claimIdempotencyKey(database.db, by, body)).toBe(false)
})

test('a request whose key was taken over neither answers for it nor gives it back', async () => {
  const [of, by] = await createClaims()
  await claimIdempotencyKey(database.db, of, body)
  await first.close()
  await waitUntil('it is free', async () => await claimIdempotencyKey(database.db, by, body))
  expect(await settleIdempotencyKey(database.db, of, reply)).toBe(false)
  await releaseIdempotencyKey(database.db, of)
  expect(await findIdempotencyRecord(database.db, by)).toEqual({ bodyHash: body, reply: undefined })
  expect(await settleIdempotencyKey(database.db, by, reply)).toBe(true)
})

test('a request without a session keeps its key for a minute', async () => {
  const [{ holder: _, ...scope }, by] = await createClaims()
  await claimIdempotencyKey(database.db, { ...scope, holder: undefined }, body)
  expect(await claimIdempotencyKey(database.db, by, body)).toBe(false)
  await database.db.query(
    `update idempotency_keys set created_at = now() - interval '2 minutes' where key = $1`,
    [scope.key],
  )
  expect(await claimIdempotencyKey(database.db, by, body)).toBe(true)
})

test('a session that was cut off is followed by another one, with a key of its own', async () => {
  const before = await waitForKey(first)
  await database.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query like '%advisory_lock%'`,
  )
  await waitUntil('another session is there', async () => {
    const key = await first.findKey()
    return key !== undefined && key !== before
  })
  await first.close()
  await waitUntil('no session is left', async () => (await countLocks()) === 0)
  expect(await countLocks()).toBe(0)
})

test('without PostgreSQL there is no key, and no error', async () => {
  const nowhere = createPresence({
    connectionString: 'postgres://nobody@127.0.0.1:9/none',
    applicationName: 'test',
  })
  expect(await nowhere.findKey()).toBeUndefined()
  await nowhere.close()
})
