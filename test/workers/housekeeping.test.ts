import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobStore } from '../../connectors/blob/blob-store.ts'
import { createBlobStore } from '../../connectors/blob/create-blob-store.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { tidyUp } from '../../workers/housekeeping.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { silentLog } from '../support/temporal.ts'

const NOW = new Date('2026-06-01T12:00:00Z')

let database: TestDatabase
let directory: string
let blobs: BlobStore

beforeAll(async () => {
  database = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'registrar-housekeeping-'))
  blobs = createBlobStore({ kind: 'file', directory }, createKeyRing(generateKeyRingDocument()))
})
afterAll(async () => {
  await database.close()
  await rm(directory, { recursive: true })
})

async function insertUpload(state: string, ageHours: number): Promise<string> {
  const id = randomUUID()
  await database.db.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id, expires_at)
     values ($1, 'license', 'aslp', 'al', $2, 'test', 'test', $3::timestamptz - make_interval(hours => $4))`,
    [id, state, NOW, ageHours],
  )
  return id
}

test('tidyUp() forgets idempotency keys after a day', async () => {
  await database.db.query(
    `insert into idempotency_keys (principal, route, key, body_hash, created_at)
     select 'test', 'test', age, '', now() - age::interval from unnest(array['23 hours', '25 hours']) age`,
  )
  await tidyUp({ db: database.db, blobs, log: silentLog }, NOW)
  const { rows } = await database.db.query('select key from idempotency_keys')
  expect(rows).toEqual([{ key: '23 hours' }])
})

test('tidyUp() ends uploads whose form has expired, and only those, once', async () => {
  const expired = await insertUpload('awaiting-file', 2)
  const open = await insertUpload('awaiting-file', -1)
  const deps = { db: database.db, blobs, log: silentLog }
  await tidyUp(deps, NOW)
  await tidyUp(deps, NOW)
  const { rows } = await database.db.query(
    'select id, state, failure_code from uploads where id = any ($1::uuid[])',
    [[expired, open]],
  )
  expect(rows).toEqual(
    expect.arrayContaining([
      { id: expired, state: 'failed', failure_code: 'form_expired' },
      { id: open, state: 'awaiting-file', failure_code: null },
    ]),
  )
})
