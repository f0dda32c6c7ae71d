import { handOverStart } from '../../connectors/temporal.ts'
import { defaultCompacts, type Compact } from '../../core/license/compacts.ts'
import { cancelUploadSignal, licenseUploadWorkflowId } from '../../core/license/workflow.ts'
import { countLicenseFile, generateLicenseFile } from '../../core/sample/licenses.ts'
import type { SampleFile } from '../../core/sample/plan.ts'
import { withTransaction } from '../../db/client.ts'
import { cancelUpload } from '../../db/upload-cancel.ts'
import type { ClosedUpload } from '../../db/upload-closing.ts'
import { findUpload, pickCounts } from '../../db/uploads.ts'
import type { IngestProgress } from '../../workflows/license-progress.ts'
import { ingestProgressQuery, workflowTypes } from '../../workflows/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
import {
  createIngestFixture,
  createTestIngestStart,
  loseStaging,
  receiveIngestFile,
  receiveIngestRecords,
  runIngest,
  waitForIngest,
  type IngestActivities,
  type IngestFixture,
} from '../support/ingest.ts'
import { fullRow } from '../support/license-rows.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

const [aslp] = defaultCompacts as readonly [Compact]
const small = { rows: 300, seed: 3 }

let database: TestDatabase
let temporal: TestTemporal
let fixture: IngestFixture
let worker: TestWorker
let applyChunk: IngestActivities['applyChunk']

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  // Many chunks of a small file.
  fixture = await createIngestFixture(database.db, temporal.ring, {
    firstChunkBytes: 2_000,
    minChunkBytes: 8_000,
    usualChunkBytes: 8_000,
    firstSegmentBytes: 1,
    segmentBytes: 1,
  })
  const activities = {
    ...fixture.activities,
    applyChunk: async (input) => await applyChunk(input),
  } satisfies IngestActivities
  worker = await createTestWorker(temporal, { activities })
})
beforeEach(async () => {
  applyChunk = fixture.activities.applyChunk
  await database.db.query('truncate provider_ssns, licenses, providers, license_history')
})
afterAll(async () => {
  await worker.close()
  await fixture.close()
  await temporal.close()
  await database.close()
})

type Sample = Pick<SampleFile, 'rows' | 'seed'> & { readonly later?: boolean }

function sampleText(file: Sample): Buffer {
  const parts = generateLicenseFile({ compact: aslp, jurisdiction: 'oh', ...file })
  return Buffer.concat([...parts])
}

function sampleCounts(file: Sample): object {
  return pickCounts(countLicenseFile({ compact: aslp, jurisdiction: 'oh', ...file }))
}

async function run(uploadId: string): Promise<ClosedUpload> {
  return await runIngest(temporal, uploadId, worker.taskQueue)
}

async function ingestFile(text: string | Buffer, branch?: string): Promise<string> {
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text })
  await run(uploadId)
  if (branch !== undefined) await keep(uploadId, branch)
  return uploadId
}

async function keep(uploadId: string, branch: string): Promise<void> {
  const workflowId = licenseUploadWorkflowId(uploadId)
  await keepHistory(temporal, { workflowId, workflowType: workflowTypes.licenseIngest, branch })
}

test('licenseIngest() counts every row of a file and of the next one', async () => {
  for (const later of [false, true]) {
    const uploadId = await ingestFile(
      sampleText({ ...small, later }),
      later ? 'later-file' : 'file',
    )
    const upload = await findUpload(database.db, uploadId)
    expect(upload).toMatchObject({
      state: 'completed',
      counts: sampleCounts({ ...small, later }),
      fileFaults: [],
      indexed: true,
    })
    const { rows: chunks } = await database.db.query(
      'select 1 from upload_chunks where upload_id = $1',
      [uploadId],
    )
    expect(chunks.length).toBeGreaterThan(5)
  }
})

test('licenseIngest() leaves neither the file nor staged rows behind', async () => {
  const uploadId = await ingestFile(sampleText({ rows: 20, seed: 1 }))
  const { rows } = await database.db.query(
    `select (select blob_removed_at is not null from uploads where id = $1) as removed,
       (select count(*) from pg_tables where schemaname = 'staging' and tablename like 'license%')
         as tables,
       (select count(*) from staging.chunks) + (select count(*) from staging.ready)
         + (select count(*) from staging.duplicates) as rows`,
    [uploadId],
  )
  expect(rows).toEqual([{ removed: true, tables: 0, rows: 0 }])
})

test('licenseIngest() refuses a file whose header is wrong and says why', async () => {
  const uploadId = await ingestFile('SSN,licenseType\r\n', 'refused-file')
  expect(await findUpload(database.db, uploadId)).toMatchObject({
    state: 'failed',
    counts: { records: 0 },
    fileFaults: [{ line: 1 }],
  })
})

test('licenseIngest() completes a file that has only a header', async () => {
  const [header = ''] = sampleText({ rows: 1, seed: 1 }).toString().split('\r\n')
  const uploadId = await ingestFile(`${header}\r\n`, 'empty-file')
  expect(await findUpload(database.db, uploadId)).toMatchObject({
    state: 'completed',
    counts: { records: 0 },
  })
})

test('licenseIngest() takes posted records', async () => {
  const records = [fullRow, { ...fullRow, licenseType: 'speech-language pathologist' }]
  const uploadId = await receiveIngestRecords(database.db, temporal.ring, records)
  await run(uploadId)
  await keep(uploadId, 'posted-records')
  expect(await findUpload(database.db, uploadId)).toMatchObject({
    state: 'completed',
    counts: { records: 2, accepted: 2, created: 2 },
  })
})

test('licenseIngest() closes the books of what was applied when it is cancelled', async () => {
  const text = sampleText({ rows: 300, seed: 3 })
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text })
  const cancel = async (): Promise<void> => {
    await withTransaction(database.db, async (tx) => {
      await cancelUpload(tx, { uploadId, actor: 'board-clerk', requestId: 'cancel' })
    })
    await temporal.client.call(async (client) => {
      const handle = client.workflow.getHandle(licenseUploadWorkflowId(uploadId))
      await handle.signal(cancelUploadSignal, { uploadId })
    })
  }
  let applied = 0
  applyChunk = async (input) => {
    const counts = await fixture.activities.applyChunk(input)
    applied += 1
    if (applied === 3) await cancel()
    return counts
  }
  const closed = await run(uploadId)
  await keep(uploadId, 'cancelled')
  expect(closed.state).toBe('cancelled')
  const { records, accepted, rejected, duplicates, ...rest } = closed.counts
  expect(accepted).toBeGreaterThan(0)
  expect(accepted).toBeLessThan(290)
  expect(records).toBe(accepted + rejected + duplicates)
  expect(accepted).toBe(rest.created + rest.updated + rest.unchanged + rest.stale)
  const { rows } = await database.db.query('select count(*) as licenses from licenses')
  expect(rows).toEqual([{ licenses: accepted }])
})

test('licenseIngest() leaves an upload alone that had ended before it began', async () => {
  const text = sampleText({ rows: 5, seed: 3 })
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text })
  await withTransaction(database.db, async (tx) => {
    await cancelUpload(tx, { uploadId, actor: 'board-clerk', requestId: 'cancel' })
  })
  const closed = await run(uploadId)
  await keep(uploadId, 'ended-before')
  expect(closed).toMatchObject({ state: 'cancelled', closed: false })
})

test('licenseIngest() ends as failed with a code when an activity can never succeed', async () => {
  const text = sampleText({ rows: 5, seed: 3 })
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text })
  await database.db.query(`update uploads set compact = 'gone' where id = $1`, [uploadId])
  const closed = await run(uploadId)
  await keep(uploadId, 'failed')
  expect(closed.state).toBe('failed')
  expect(await findUpload(database.db, uploadId)).toMatchObject({ failureCode: 'unknown_compact' })
})

test('licenseIngest() stages again what a crash of the database server emptied', async () => {
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text: sampleText(small) })
  let calls = 0
  applyChunk = async (input) => {
    calls += 1
    if (calls === 4 || calls === 9) await loseStaging(database.db, uploadId)
    return await fixture.activities.applyChunk(input)
  }
  const closed = await run(uploadId)
  await keep(uploadId, 'staging-lost')
  expect(closed).toMatchObject({ state: 'completed', counts: sampleCounts(small) })
})

test('licenseIngest() goes on in another run where its history gets long', async () => {
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text: sampleText(small) })
  const start = createTestIngestStart(uploadId, '')
  const { taskQueue } = worker
  const input = { uploadId, maxEvents: 40 }
  await handOverStart(temporal.client, { ...start, taskQueue, input })
  const closed = await waitForIngest(temporal, uploadId)
  await keep(uploadId, 'last-of-several-runs')
  expect(closed).toMatchObject({ state: 'completed', counts: sampleCounts(small) })
  const described = await temporal.client.call(
    async (client) => await client.workflow.getHandle(start.workflowId).describe(),
  )
  expect(described.historyLength).toBeLessThan(90)
  expect(described.memo).toMatchObject({ requestId: start.requestId })
})

test('licenseIngest() answers a query with its progress, in counts only', async () => {
  const uploadId = await receiveIngestFile(database.db, fixture.blobs, { text: sampleText(small) })
  const start = createTestIngestStart(uploadId, '')
  await handOverStart(temporal.client, { ...start, taskQueue: worker.taskQueue })
  await waitForIngest(temporal, uploadId)
  const progress = await temporal.client.call(
    async (client) =>
      await client.workflow.getHandle(start.workflowId).query<IngestProgress>(ingestProgressQuery),
  )
  const { duplicates, created, rejected } = countLicenseFile({
    compact: aslp,
    jurisdiction: 'oh',
    ...small,
  })
  expect(progress).toMatchObject({ phase: 'ended', isIndexed: true, duplicates, created, rejected })
})
