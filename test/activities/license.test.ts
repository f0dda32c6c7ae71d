import { MockActivityEnvironment } from '@temporalio/testing'
import { createFieldCipher, type FieldCipher } from '../../crypto/field-cipher.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { withTransaction } from '../../db/client.ts'
import { endUpload } from '../../db/upload-closing.ts'
import { listFaults, rowContext, type UploadFaultKind } from '../../db/upload-faults.ts'
import { getUpload } from '../../db/uploads.ts'
import { writeLine } from '../../core/csv/write.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'
import { toTemporalLogger } from '../../workers/runtime.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  createIngestFixture,
  loseStaging,
  receiveIngestFile,
  type IngestActivities,
  type IngestFixture,
} from '../support/ingest.ts'
import { silentLog } from '../support/temporal.ts'
import { fullRow } from '../support/license-rows.ts'
import { emptyTables, readFinalTables } from '../db/license/final-tables.ts'

const ring = createKeyRing(generateKeyRingDocument())
const header = writeLine(licenseFieldNames)

let database: TestDatabase
let fixture: IngestFixture
let cipher: FieldCipher

beforeAll(async () => {
  database = await createTestDatabase()
  fixture = await createIngestFixture(database.db, ring)
  cipher = createFieldCipher(ring)
})
beforeEach(async () => await emptyTables(database.db))
afterAll(async () => {
  await fixture.close()
  await database.close()
})

/** A line of the file; what is not said is a valid row's. */
function toLine(row: Readonly<Record<string, string>>): string {
  const cells: Readonly<Record<string, string>> = { ...fullRow, ...row }
  return writeLine(licenseFieldNames.map((name) => cells[name] ?? ''))
}

async function receive(lines: readonly string[]): Promise<string> {
  const text = header + lines.join('')
  return await receiveIngestFile(database.db, fixture.blobs, { text })
}

async function run<Name extends keyof IngestActivities>(
  name: Name,
  input: Parameters<IngestActivities[Name]>[0],
): Promise<Awaited<ReturnType<IngestActivities[Name]>>> {
  const environment = new MockActivityEnvironment({}, { logger: toTemporalLogger(silentLog) })
  const activity = fixture.activities[name] as (given: unknown) => Promise<unknown> // by its name
  const result = await environment.run(activity, input)
  return result as Awaited<ReturnType<IngestActivities[Name]>> // the same activity's
}

async function stage(lines: readonly string[]): Promise<string> {
  const uploadId = await receive(lines)
  await run('indexFile', { uploadId })
  await run('stageChunk', { uploadId, chunk: 0 })
  return uploadId
}

async function ingest(lines: readonly string[]): Promise<string> {
  const uploadId = await stage(lines)
  await run('separateDuplicates', { uploadId })
  await run('applyChunk', { uploadId, chunk: 0 })
  return uploadId
}

async function listRows(uploadId: string, kind: UploadFaultKind): Promise<unknown[]> {
  const query = { uploadId, kinds: [kind], after: 0, limit: 100 }
  const faults = await listFaults(database.db, query)
  return faults.map(({ record, firstLine, lastLine, errors, rowCipher }) => ({
    record,
    lines: [firstLine, lastLine],
    errors: Object.entries(errors)
      .map(([field, said]) => `${field}: ${said[0]?.code}`)
      .toSorted(),
    row: rowCipher && cipher.decrypt(rowCipher, rowContext(uploadId, record)).toString(),
  }))
}

test('stageChunk() keeps refused rows with their lines, faults and own bytes', async () => {
  const [good, bad] = [toLine({}), toLine({ licenseStatus: 'maybe', suffix: 'a "b"\nc' })]
  const broken = 'not,"a row\r\n'
  const uploadId = await stage([good, '\r\n', bad, broken])
  expect(await listRows(uploadId, 'rejected')).toEqual([
    {
      record: 2,
      lines: [4, 5],
      errors: ['licenseStatus: not_a_choice', 'suffix: control_character'],
      row: bad,
    },
    { record: 3, lines: [6, 6], errors: ['_row: malformed_quote'], row: broken },
  ])
})

test('stageChunk() keeps warnings of rows that it takes', async () => {
  const line = toLine({ npi: '1234567890' })
  const uploadId = await stage([line])
  expect(await listRows(uploadId, 'warning')).toEqual([
    { record: 1, lines: [2, 2], errors: ['npi: wrong_npi_check_digit'], row: line },
  ])
  expect(await run('stageChunk', { uploadId, chunk: 0 })).toEqual({ records: 1, rejected: 0 })
})

test('stageChunk() does nothing the second time', async () => {
  const uploadId = await stage([toLine({}), toLine({ ssn: 'none' })])
  const count = `select (select count(*) from staging.license_${uploadId.replaceAll('-', '')}) as rows,
    (select count(*) from upload_faults) as faults`
  const { rows: before } = await database.db.query(count)
  expect(await run('stageChunk', { uploadId, chunk: 0 })).toEqual({ records: 2, rejected: 1 })
  const { rows: after } = await database.db.query(count)
  expect([before, after]).toEqual([[{ rows: 1, faults: 1 }], [{ rows: 1, faults: 1 }]])
})

test('applyChunk() keeps duplicates with their lines, the record that won and their own bytes', async () => {
  const again = toLine({ homeAddressCity: 'Elsewhere' })
  const uploadId = await ingest([toLine({ ssn: '1' }), toLine({}), toLine({ ssn: '2' }), again])
  expect(await listRows(uploadId, 'duplicate')).toEqual([
    { record: 4, lines: [5, 5], errors: ['ssn: duplicate_ssn'], row: again },
  ])
  const [fault] = await listFaults(database.db, {
    uploadId,
    kinds: ['duplicate'],
    after: 0,
    limit: 1,
  })
  expect(fault?.errors['ssn']?.[0]?.message).toMatch(
    /^Duplicate License SSN detected for license type audiologist\. SSN matches with record 2\. /,
  )
})

test('applyChunk() answers the same counts the second time and writes nothing', async () => {
  const uploadId = await ingest([toLine({}), toLine({ ssn: '123-45-0001' }), toLine({})])
  const before = await readFinalTables(database.db)
  expect(await run('applyChunk', { uploadId, chunk: 0 })).toEqual({
    accepted: 2,
    created: 2,
    updated: 0,
    unchanged: 0,
    stale: 0,
    duplicates: 1,
  })
  expect(await readFinalTables(database.db)).toEqual(before)
})

test('applyChunk() names the request, the upload, the run and the record in the audit log', async () => {
  const uploadId = await ingest([toLine({})])
  const { requestId } = await getUpload(database.db, uploadId)
  const { rows } = await database.db.query(
    `select a.actor, a.subject_id = l.provider_id || '/oh/aud' as named, a.cause,
       a.after_hash = l.content_hash as hashed
     from audit_entries a cross join licenses l
     where a.action = 'license.created'`,
  )
  expect(rows).toEqual([
    {
      actor: 'board-clerk',
      named: true,
      hashed: true,
      cause: { requestId, uploadId, workflowId: expect.any(String), record: 1 },
    },
  ])
})

test('applyChunk() stores SSNs encrypted only', async () => {
  await ingest([toLine({})])
  const { rows } = await database.db.query<{ ssn_cipher: Buffer; last_four: string }>(
    'select ssn_cipher, last_four from provider_ssns',
  )
  expect(rows).toHaveLength(1)
  expect(cipher.decrypt(rows[0]?.ssn_cipher ?? Buffer.alloc(0), 'ssn:aslp').toString()).toBe(
    fullRow.ssn,
  )
  expect(rows[0]?.last_four).toBe('6789')
})

test.each(['stageChunk', 'applyChunk'] as const)(
  '%s() of a late worker changes nothing once the books are closed',
  async (name) => {
    const uploadId = await receive([toLine({})])
    await run('indexFile', { uploadId })
    if (name === 'applyChunk') {
      await run('stageChunk', { uploadId, chunk: 0 })
      await run('separateDuplicates', { uploadId })
    }
    await withTransaction(
      database.db,
      async (tx) => await endUpload(tx, { uploadId, state: 'cancelled' }),
    )
    await expect(run(name, { uploadId, chunk: 0 })).rejects.toMatchObject({
      type: 'upload_ended',
      nonRetryable: true,
    })
    expect((await readFinalTables(database.db))['licenses']).toEqual([])
  },
)

test('applyChunk() asks for staging again while rows, markers or the separation are missing', async () => {
  const uploadId = await stage([toLine({})])
  const lost = { type: 'staging_lost', nonRetryable: true }
  await expect(run('applyChunk', { uploadId, chunk: 0 })).rejects.toMatchObject(lost)
  await run('separateDuplicates', { uploadId })
  await loseStaging(database.db, uploadId)
  await expect(run('applyChunk', { uploadId, chunk: 0 })).rejects.toMatchObject(lost)
  await expect(run('separateDuplicates', { uploadId })).rejects.toMatchObject(lost)
  await run('stageChunk', { uploadId, chunk: 0 })
  await run('separateDuplicates', { uploadId })
  expect(await run('applyChunk', { uploadId, chunk: 0 })).toMatchObject({ created: 1 })
})

test('indexFile() judges the header once and keeps the columns', async () => {
  const uploadId = await receive([toLine({})])
  expect(await run('indexFile', { uploadId })).toMatchObject({ refused: false, done: true })
  expect(await getUpload(database.db, uploadId)).toMatchObject({
    state: 'validating',
    indexed: true,
    columns: licenseFieldNames,
  })
})

test('dropStaging() also drops what terminated runs left', async () => {
  const [left, current] = [await stage([toLine({})]), await stage([toLine({})])]
  await database.db.query(
    `update uploads set state = 'failed', finished_at = now() - interval '2 hours' where id = $1`,
    [left],
  )
  await run('dropStaging', { uploadId: current })
  const { rows } = await database.db.query(
    `select tablename from pg_tables where schemaname = 'staging' and tablename like 'license%'
       and tablename ~ $1`,
    [`${left}|${current}`.replaceAll('-', '')],
  )
  expect(rows).toEqual([])
})
