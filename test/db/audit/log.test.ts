import { fc } from '../../support/properties.ts'
import { digestAuditEntry } from '../../../crypto/audit-entry.ts'
import { createKeyRing, generateKeyRingDocument } from '../../../crypto/key-ring.ts'
import { appendAudit, type AuditEntry } from '../../../db/audit.ts'
import { exportAuditLog } from '../../../db/audit/export.ts'
import { listAudit } from '../../../db/audit/log.ts'
import { withTransaction } from '../../../db/client.ts'
import { appendSampleEntries, collectLog, sampleAuditEntry } from '../../support/audit.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const ring = createKeyRing(generateKeyRingDocument())
let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

function createEntry(subject: AuditEntry['subject']): AuditEntry {
  return { ...sampleAuditEntry(0), subject }
}

test('appendAudit() keeps the order of its entries', async () => {
  await appendSampleEntries(database.db, 500)
  const entries = await listAudit(database.db, { after: 0, limit: 1_000 })
  expect(entries.map(({ cause }) => cause['record'])).toEqual(
    Array.from({ length: 500 }, (_, index) => index),
  )
})

test('appendAudit() belongs to the transaction of its caller', async () => {
  const undone = withTransaction(database.db, async (tx) => {
    await appendSampleEntries(tx, 2)
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  await expect(collectLog(database.db)).resolves.toEqual([])
})

test('listAudit() gives hashes in hex, times with microseconds and absent ones not at all', async () => {
  const cause = { requestId: 'r-1' }
  const subject = { type: 'upload', id: 'u-1' }
  await appendAudit(database.db, [
    { actor: 'ann', action: 'upload.received', subject, after: Buffer.from('abcd', 'hex'), cause },
  ])
  await expect(listAudit(database.db, { after: 0, limit: 10 })).resolves.toEqual([
    {
      kind: 'entry',
      seq: 1,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      actor: 'ann',
      action: 'upload.received',
      subject,
      after: 'abcd',
      cause,
    },
  ])
})

test('listAudit() continues after a seq, up to a limit', async () => {
  await appendSampleEntries(database.db, 10)
  const page = await listAudit(database.db, { after: 4, limit: 3 })
  expect(page.map(({ seq }) => seq)).toEqual([5, 6, 7])
})

test.each([
  ['an id', 'u:1/x', [1, 3]],
  ['type/id', 'upload/u:1/x', [1]],
  ['type:id', 'license:u:1/x', [3]],
  ['something that is no subject', 'license:u', []],
])('listAudit() finds the entries of a subject by %s', async (_what, subject, expected) => {
  await appendAudit(database.db, [
    createEntry({ type: 'upload', id: 'u:1/x' }),
    createEntry({ type: 'upload', id: 'other' }),
    createEntry({ type: 'license', id: 'u:1/x' }),
  ])
  const entries = await listAudit(database.db, { after: 0, subject, limit: 10 })
  expect(entries.map(({ seq }) => seq)).toEqual(expected)
})

test('exportAuditLog() ends with the last seal', async () => {
  const writer = await database.db.connect()
  await appendSampleEntries(database.db, 2)
  await writer.query('begin')
  const records: string[] = []
  for await (const record of exportAuditLog(database.db, ring)) {
    // Comes after the log was sealed for this export.
    if (records.length === 0) await appendSampleEntries(writer, 1)
    records.push(record.kind)
  }
  await writer.query('commit')
  writer.release()
  expect(records).toEqual(['entry', 'entry', 'seal'])
})

test('digestAuditEntry() agrees with the database on any text', async () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'))
  const entry: fc.Arbitrary<AuditEntry> = fc.record({
    actor: text,
    action: text,
    subject: fc.record({ type: text, id: text }),
    before: fc.option(fc.uint8Array({ minLength: 1 }), { nil: undefined }),
    after: fc.option(fc.uint8Array({ minLength: 1 }), { nil: undefined }),
    cause: fc.dictionary(text, fc.oneof(text, fc.integer())),
  })
  const batches = fc.array(entry, { minLength: 50, maxLength: 100, size: 'max' })
  await fc.assert(
    fc.asyncProperty(batches, async (entries) => {
      const { rows: marks } = await database.db.query<{ seq: number }>(
        'select coalesce(max(seq), 0) as seq from audit_entries',
      )
      const after = marks[0]?.seq ?? 0
      await appendAudit(database.db, entries)
      const { rows } = await database.db.query<{ digest: Buffer }>(
        `select audit_digest(entry) as digest
         from audit_entries entry where seq > $1 order by seq`,
        [after],
      )
      const listed = await listAudit(database.db, { after, limit: entries.length })
      expect(listed.map(digestAuditEntry)).toEqual(rows.map(({ digest }) => digest))
    }),
    { numRuns: 20 },
  )
})
