import { createKeyRing, generateKeyRingDocument } from '../../../crypto/key-ring.ts'
import { sealAudit } from '../../../db/audit/sealer.ts'
import { appendSampleEntries, collectLog, verifyDatabase } from '../../support/audit.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const ring = createKeyRing(generateKeyRingDocument())
const options = { ring, timeoutMs: 5_000 }
let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

test('sealAudit() puts every entry under one seal of at most 1,000', async () => {
  await appendSampleEntries(database.db, 2_500)
  await sealAudit(database.db, options)
  const log = await collectLog(database.db)
  const seals = log.filter((record) => record.kind === 'seal')
  expect(seals.map((seal) => [seal.from, seal.to, seal.entries])).toEqual([
    [1, 1_000, 1_000],
    [1_001, 2_000, 1_000],
    [2_001, 2_500, 500],
  ])
  await expect(verifyDatabase(database.db, ring)).resolves.toEqual({
    ok: true,
    entries: 2_500,
    seals: 3,
    unsealed: 0,
    head: seals.at(-1)?.hash,
  })
})

test('sealAudit() adds no seal when there is nothing new', async () => {
  await appendSampleEntries(database.db, 3)
  await sealAudit(database.db, options)
  await sealAudit(database.db, options)
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ entries: 3, seals: 1 })
})

test('sealAudit() covers the gap that an aborted transaction left', async () => {
  await appendSampleEntries(database.db, 2)
  await database.db.query(`select nextval('audit_entries_seq_seq') from generate_series(1, 5)`)
  await sealAudit(database.db, options)
  await appendSampleEntries(database.db, 1)
  await sealAudit(database.db, options)
  const seals = (await collectLog(database.db)).filter((record) => record.kind === 'seal')
  expect(seals.map(({ from, to }) => [from, to])).toEqual([
    [1, 2],
    [3, 8],
  ])
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ ok: true, entries: 3 })
})

test('sealAudit() leaves entries alone that an open transaction may still precede', async () => {
  const writer = await database.db.connect()
  await writer.query('begin')
  await appendSampleEntries(writer, 1)
  await appendSampleEntries(database.db, 2)
  await sealAudit(database.db, { ring, timeoutMs: 0 })
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ seals: 0, unsealed: 2 })
  await writer.query('commit')
  writer.release()
  await sealAudit(database.db, options)
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ entries: 3, seals: 1 })
})

test('sealAudit() does not wait for transactions that hold no entry', async () => {
  const other = await database.db.connect()
  await other.query('begin')
  await other.query('create temporary table unrelated (id integer)')
  await appendSampleEntries(database.db, 2)
  await sealAudit(database.db, { ring, timeoutMs: 0 })
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ seals: 1, unsealed: 0 })
  await other.query('rollback')
  other.release()
})

type Tampering = {
  readonly what: string
  readonly statement: string
  readonly seq: number
  readonly reason: string
}

const tamperings: readonly Tampering[] = [
  {
    what: 'an altered actor',
    statement: `update audit_entries set actor = 'nobody' where seq = 1500`,
    seq: 1_500,
    reason: 'it was altered',
  },
  {
    what: 'a cause that was emptied',
    statement: `update audit_entries set cause = '{}' where seq in (7, 1200)`,
    seq: 7,
    reason: 'it was altered',
  },
  {
    what: 'a time moved by a microsecond',
    statement: `update audit_entries set at = at + interval '1 microsecond' where seq = 2500`,
    seq: 2_500,
    reason: 'it was altered',
  },
  {
    what: 'a deleted entry',
    statement: 'delete from audit_entries where seq = 42',
    seq: 42,
    reason: 'it is missing',
  },
  {
    what: 'an entry put into a gap',
    statement: `insert into audit_entries (seq, actor, action, subject_type, subject_id)
      overriding system value values (2501, 'a', 'b', 'c', 'd')`,
    seq: 2_501,
    reason: 'it was inserted after sealing',
  },
  {
    what: 'two entries that changed places',
    statement: `update audit_entries set actor = other.actor from audit_entries other
      where audit_entries.seq in (11, 12) and other.seq = 23 - audit_entries.seq`,
    seq: 11,
    reason: 'it was altered',
  },
  {
    what: 'a deleted seal',
    statement: 'delete from audit_seals where number = 2',
    seq: 1_001,
    reason: 'its seal is missing or out of order',
  },
  {
    what: 'a deleted seal with its entries',
    statement: `with gone as (delete from audit_seals where number = 2)
      delete from audit_entries where seq between 1001 and 2000`,
    seq: 1_001,
    reason: 'its seal is missing or out of order',
  },
  {
    what: 'an altered seal',
    statement: `update audit_seals set at = at + interval '1 second' where number = 2`,
    seq: 1_001,
    reason: 'its seal was altered',
  },
  {
    what: 'a seal by a key that nobody stands for',
    statement: `with slipped as (
        insert into audit_keys (kid, public_key, endorsed_by, endorsement)
        select 'evil', public_key, endorsed_by, endorsement from audit_keys)
      update audit_seals set kid = 'evil' where number = 3`,
    seq: 2_001,
    reason: 'its seal names the unknown key "evil"',
  },
]

test.each(tamperings)('verifyAuditLog() names $what', async ({ statement, seq, reason }) => {
  await appendSampleEntries(database.db, 2_500)
  await database.db.query(`select nextval('audit_entries_seq_seq')`)
  await appendSampleEntries(database.db, 1)
  await sealAudit(database.db, options)
  await database.db.query(statement)
  await expect(verifyDatabase(database.db, ring)).resolves.toEqual({ ok: false, seq, reason })
})
