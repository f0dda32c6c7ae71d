import { randomUUID } from 'node:crypto'
import { withTransaction } from '../../db/client.ts'
import { cancelUpload } from '../../db/upload-cancel.ts'
import { endUpload } from '../../db/upload-closing.ts'
import {
  forgetRows,
  listExpiredForms,
  listLeftFiles,
  markFileRemoved,
} from '../../db/upload-housekeeping.ts'
import { receiveFile, receiveRecords } from '../../db/upload-receipt.ts'
import { advanceUpload, getUpload } from '../../db/uploads.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { seedChunk, seedUpload } from '../support/uploads.ts'

const HOUR_MS = 3_600_000

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

test('receipts of files and records in one jurisdiction get their own numbers, in order', async () => {
  const place = { compact: 'aslp', jurisdiction: 'wy' }
  const receive = async (index: number): Promise<string> => {
    if (index % 2 === 0) return await seedUpload(database.db, place)
    const id = randomUUID()
    await receiveRecords(database.db, {
      id,
      ...place,
      kind: 'license-post',
      tenant: undefined,
      createdBy: 'board',
      requestId: 'r',
      ciphertext: Buffer.from('x'),
      sizeBytes: 1,
    })
    return id
  }
  const ids = await Promise.all(Array.from({ length: 8 }, async (_, index) => await receive(index)))
  const uploads = await Promise.all(ids.map(async (id) => await getUpload(database.db, id)))
  const sequences = uploads.map(({ sequence }) => sequence ?? 0)
  expect(sequences.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('receiveFile() takes one file an upload, also of two at once', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  const file = { uploadId, blobKey: 'k', sizeBytes: 1 }
  const receive = async (): Promise<boolean> =>
    await withTransaction(database.db, async (tx) => (await receiveFile(tx, file)) !== undefined)
  const taken = await Promise.all([receive(), receive(), receive()])
  expect(taken.filter(Boolean)).toHaveLength(1)
})

test('advanceUpload() goes forward only and tells of an upload that has ended', async () => {
  const uploadId = await seedUpload(database.db)
  const advance = async (state: 'validating' | 'ingesting'): Promise<string> =>
    await advanceUpload(database.db, uploadId, state)
  await expect(advance('ingesting')).resolves.toBe('ingesting')
  await expect(advance('validating')).resolves.toBe('ingesting')
  await endUpload(database.db, { uploadId, state: 'cancelled' })
  await expect(advance('ingesting')).resolves.toBe('cancelled')
})

test('endUpload() counts what was decided: refused rows of staged chunks, all of applied ones', async () => {
  const uploadId = await seedUpload(database.db)
  await seedChunk(database.db, { uploadId, chunk: 0, rows: 10, rejected: 2, applied: true })
  await seedChunk(database.db, { uploadId, chunk: 1, rows: 10, rejected: 3 })
  const { counts } = await endUpload(database.db, { uploadId, state: 'cancelled' })
  expect(counts).toMatchObject({ records: 13, accepted: 8, rejected: 5, created: 8 })
})

test('the digest spells out a hundred faults and counts the others', async () => {
  const uploadId = await seedUpload(database.db)
  await seedChunk(database.db, { uploadId, chunk: 0, rows: 300, rejected: 123, applied: true })
  await database.db.query(
    `insert into upload_faults (upload_id, record, kind, chunk, first_line, last_line, errors)
     select $1, n, 'rejected', 0, n + 1, n + 1, '{"ssn": [{"message": "M.", "code": "m"}]}'
     from generate_series(1, 123) n`,
    [uploadId],
  )
  await endUpload(database.db, { uploadId, state: 'completed' })
  const { rows } = await database.db.query<{ digest: { faults: object[] } }>(
    'select digest from upload_digests where upload_id = $1',
    [uploadId],
  )
  expect(rows[0]?.digest).toMatchObject({
    state: 'completed',
    counts: { records: 300, rejected: 123 },
    more: 23,
    link: `/v1/uploads/${uploadId}/errors`,
  })
  expect(rows[0]?.digest.faults).toHaveLength(100)
  expect(rows[0]?.digest.faults[0]).toEqual({
    line: 2,
    record: 1,
    errors: { ssn: [{ message: 'M.', code: 'm' }] },
  })
})

test.each([
  { state: 'completed', rejected: 0, types: ['license.digest', 'license.ingested'] },
  {
    state: 'completed',
    rejected: 1,
    types: ['license.digest', 'license.ingested', 'license.validation-error'],
  },
  {
    state: 'failed',
    rejected: 0,
    types: ['license.digest', 'license.ingest-failure', 'license.ingested'],
  },
] as const)(
  '$state with $rejected refused rows emits $types',
  async ({ state, rejected, types }) => {
    const uploadId = await seedUpload(database.db)
    await seedChunk(database.db, { uploadId, chunk: 0, rows: 5, rejected, applied: true })
    await endUpload(database.db, { uploadId, state })
    const { rows } = await database.db.query<{ type: string }>(
      'select type from events where subject = $1 order by type',
      [`uploads/${uploadId}`],
    )
    expect(rows.map(({ type }) => type)).toEqual(types)
  },
)

test('who cancels a running upload is named in the audit log, whoever ends it', async () => {
  const uploadId = await seedUpload(database.db)
  await advanceUpload(database.db, uploadId, 'validating')
  const cancellation = { uploadId, actor: 'canceller', requestId: 'r' }
  const cancel = async (): Promise<string> =>
    await withTransaction(database.db, async (tx) => await cancelUpload(tx, cancellation))
  await expect(cancel()).resolves.toBe('requested')
  await expect(cancel()).resolves.toBe('already-requested')
  await endUpload(database.db, { uploadId, state: 'cancelled' })
  await expect(cancel()).resolves.toBe('ended')
  const { rows } = await database.db.query(
    `select actor from audit_entries where subject_id = $1 and action = 'upload.cancelled'`,
    [uploadId],
  )
  expect(rows).toEqual([{ actor: 'canceller' }])
})

test('forms expire unused only after those that began in time could have ended', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  const listAfter = async (ms: number): Promise<boolean> => {
    const now = new Date(Date.now() + ms)
    return (await listExpiredForms(database.db, { now, limit: 100 })).includes(uploadId)
  }
  await expect(listAfter(HOUR_MS + 60_000)).resolves.toBe(false)
  await expect(listAfter(HOUR_MS + 700_000)).resolves.toBe(true)
})

test('an upload that got its file meanwhile is not ended as expired', async () => {
  const uploadId = await seedUpload(database.db)
  const closing = { uploadId, state: 'failed', onlyWaiting: true } as const
  await expect(endUpload(database.db, closing)).resolves.toMatchObject({ closed: false })
  await expect(getUpload(database.db, uploadId)).resolves.toMatchObject({ state: 'received' })
})

test('files are left behind until they are removed with their form shut', async () => {
  const uploadId = await seedUpload(database.db)
  await endUpload(database.db, { uploadId, state: 'completed' })
  const isListed = async (forms: 'open' | 'shut', afterMs = 0): Promise<boolean> => {
    const now = new Date(Date.now() + afterMs)
    return (await listLeftFiles(database.db, { now, limit: 100, forms })).includes(uploadId)
  }
  await expect(isListed('shut')).resolves.toBe(true)
  await expect(isListed('open')).resolves.toBe(false)
  await expect(isListed('open', 2 * HOUR_MS)).resolves.toBe(true)
  await markFileRemoved(database.db, uploadId, 'open')
  await expect(isListed('shut')).resolves.toBe(true)
  await markFileRemoved(database.db, uploadId, 'shut')
  await expect(isListed('shut')).resolves.toBe(false)
})

test('the bytes of refused rows are forgotten when their retention ends, the messages stay', async () => {
  const uploadId = await seedUpload(database.db)
  await database.db.query(
    `insert into upload_faults
       (upload_id, record, kind, chunk, first_line, last_line, errors, row_cipher)
     values ($1, 1, 'rejected', 0, 2, 2, '{}', 'x')`,
    [uploadId],
  )
  await endUpload(database.db, { uploadId, state: 'completed' })
  await expect(forgetRows(database.db, new Date(Date.now() - HOUR_MS))).resolves.toBeUndefined()
  const later = new Date(Date.now() + HOUR_MS)
  let forgotten = await forgetRows(database.db, later)
  while (forgotten !== undefined) forgotten = await forgetRows(database.db, later)
  const { rows } = await database.db.query(
    'select row_cipher, errors from upload_faults where upload_id = $1',
    [uploadId],
  )
  expect(rows).toEqual([{ row_cipher: null, errors: {} }])
})
