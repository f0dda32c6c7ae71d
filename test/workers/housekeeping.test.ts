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
  blobs = await createBlobStore(
    { kind: 'file', directory },
    createKeyRing(generateKeyRingDocument()),
  )
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

test('tidyUp() forgets where targets differed after 90 days, and keeps the reports', async () => {
  const { db } = database
  const { rows } = await db.query<{ id: string }>(
    `with provider as (
       insert into roster_providers (id, tenant, kind, settings)
       values (gen_random_uuid(), 'valley', 'clever', '{}') returning id
     )
     insert into roster_reconciles
       (id, tenant, provider_id, repair, state, started_by, request_id, ended_at)
     select gen_random_uuid(), 'valley', id, false, 'succeeded', 'test', 'r-1',
       $1::timestamptz - age::interval
     from provider, unnest(array['89 days', '91 days']) as age
     returning id`,
    [NOW],
  )
  const ids = rows.map(({ id }) => id)
  await db.query(
    `insert into roster_drifts (reconcile_id, kind, id, fields, outcome)
     select unnest($1::uuid[]), 'missing', 'a', '{}', 'found'`,
    [ids],
  )
  await tidyUp({ db, blobs, log: silentLog }, NOW)
  const { rows: left } = await db.query(
    `select r.id, count(d.id) as drifts from roster_reconciles r
     left join roster_drifts d on d.reconcile_id = r.id
     group by r.id order by drifts desc`,
  )
  expect(left).toEqual([
    { id: ids[0], drifts: 1 },
    { id: ids[1], drifts: 0 },
  ])
})

test('tidyUp() forgets deliveries that arrived and events that were told after 30 days', async () => {
  const { db } = database
  await db.query('truncate events')
  const { rows } = await db.query<{ id: string }>(
    `insert into webhook_endpoints (id, kind, name) values (gen_random_uuid(), 'sink', 'partner')
     returning id`,
  )
  await db.query(
    `insert into webhook_deliveries (id, endpoint_id, type, request_id, body, state, settled_at)
     select gen_random_uuid(), $1, state || ' ' || age, 'r-1', '{}', state,
       case when state <> 'pending' then $2::timestamptz - age::interval end
       from unnest(array['succeeded', 'superseded', 'failed', 'pending']) as state,
         unnest(array['29 days', '31 days']) as age`,
    [rows[0]?.id, NOW],
  )
  await db.query(
    `insert into events (id, type, subject, data, request_id, relayed_at)
     select gen_random_uuid(), coalesce(age, 'untold'), 's', '{}', 'r-1',
       $1::timestamptz - age::interval
       from unnest(array['29 days', '31 days', null]) as age`,
    [NOW],
  )
  await tidyUp({ db, blobs, log: silentLog }, NOW)
  const { rows: kept } = await db.query<{ type: string }>(
    'select type from webhook_deliveries union all select type from events order by type',
  )
  expect(kept.map(({ type }) => type)).toEqual([
    '29 days',
    'failed 29 days',
    'failed 31 days',
    'pending 29 days',
    'pending 31 days',
    'succeeded 29 days',
    'superseded 29 days',
    'untold',
  ])
})

test('tidyUp() calls the senders that missed theirs, and those alone', async () => {
  const { db } = database
  await db.query('truncate webhook_endpoints, webhook_deliveries, workflow_starts cascade')
  const { rows } = await db.query<{ id: string; name: string }>(
    `insert into webhook_endpoints (id, kind, name, state)
     select gen_random_uuid(), 'sink', name, case name when 'disabled' then 'disabled' else 'active' end
       from unnest(array['overdue', 'just due', 'later', 'claimed', 'paused', 'disabled']) as name
     returning id, name`,
  )
  await db.query(`insert into paused_sinks (sink, paused_by) values ('paused', 'test')`)
  await db.query(
    `insert into webhook_deliveries
       (id, endpoint_id, type, request_id, body, next_attempt_at, claimed_until)
     select gen_random_uuid(), id, 'license.ingested', 'r-1', '{}',
       $1::timestamptz - case name when 'just due' then '1 minute' when 'later' then '-1 hour'
                                   else '1 hour' end::interval,
       case name when 'claimed' then $1::timestamptz + interval '20 seconds' end
       from webhook_endpoints`,
    [NOW],
  )
  await tidyUp({ db, blobs, log: silentLog }, NOW)
  const { rows: starts } = await db.query('select workflow_id, signal_name from workflow_starts')
  const overdue = rows.find(({ name }) => name === 'overdue')
  expect(starts).toEqual([{ workflow_id: `webhookEndpoint:${overdue?.id}`, signal_name: 'wake' }])
})
