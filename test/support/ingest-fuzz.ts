import { MockActivityEnvironment } from '@temporalio/testing'
import { fc } from './properties.ts'
import { checkHeader, headBytes } from '../../core/csv/header.ts'
import { readRecords } from '../../core/csv/records.ts'
import { licenseLayout } from '../../core/license/columns.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { getUpload, pickCounts, type Upload, type UploadCounts } from '../../db/uploads.ts'
import type { Database } from '../../db/client.ts'
import { toTemporalLogger } from '../../workers/runtime.ts'
import { createTestDatabase } from './database.ts'
import { createIngestFixture, receiveIngestFile, type IngestFixture } from './ingest.ts'
import { writeBoardFile } from './ingest-kills.ts'
import { silentLog } from './temporal.ts'

const characters = ['"', ',', ';', '\n', '\r\n', '\r', '\t', '\\', "'", 'é', ' ', '\u2028']
const words = ['""', '\\N', '\\.\n', '$1', '"\n', '\n"', ',"', '",', '\n\n\n', '=1+1']
const pieces = [...characters, ...words, 'x'.repeat(70_000)].map((text) => Buffer.from(text))
const bytes = ['00', 'ff', 'c3', 'efbbbf', 'fffe', 'f09f9880'].map((hex) => Buffer.from(hex, 'hex'))

const change = fc.record({
  /** Where, as a share of the file. */
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(400)),
  added: fc.constantFrom(...pieces, ...bytes, Buffer.alloc(0)),
})

// A board's file with a few bytes taken out or put in anywhere, the header seldom spared.
const fuzzedFile: fc.Arbitrary<Buffer> = fc
  .record({
    rows: fc.integer({ min: 0, max: 12 }),
    seed: fc.nat(),
    changes: fc.array(change, { maxLength: 8 }),
    isHeaderSpared: fc.boolean(),
  })
  .map(({ rows, seed, changes, isHeaderSpared }) => {
    const file = writeBoardFile({ rows, seed, later: false })
    const start = isHeaderSpared ? file.indexOf('\n') + 1 : 0
    return changes.reduce((text, { at, removed, added }) => {
      const place = start + Math.floor(at * (text.length - start))
      return Buffer.concat([text.subarray(0, place), added, text.subarray(place + removed)])
    }, file)
  })

/** Ingests so many fuzzed files by the activities; answers of how many the books were right. */
export async function countSoundIngests(files: number): Promise<number> {
  const database = await createTestDatabase()
  const ring = createKeyRing(generateKeyRingDocument())
  const fixture = await createIngestFixture(database.db, ring, {
    minChunkBytes: 600,
    usualChunkBytes: 600,
  })
  let sound = 0
  const property = fc.asyncProperty(fuzzedFile, async (text) => {
    const upload = await ingestByActivities(database.db, fixture, text)
    const { expected, actual } = await auditUpload(database.db, upload, text)
    expect(actual).toEqual(expected)
    sound += 1
  })
  try {
    await fc.assert(property, { numRuns: files })
  } finally {
    await fixture.close()
    await database.close()
  }
  return sound
}

// Ingests a file by its activities, one after the other; returns the upload once it has ended.
async function ingestByActivities(
  db: Database,
  fixture: IngestFixture,
  text: Buffer,
): Promise<Upload> {
  const uploadId = await receiveIngestFile(db, fixture.blobs, { text })
  const { activities } = fixture
  const isRead = await run(async () => await ingest(fixture, uploadId))
  await run(async () => {
    await activities.closeUpload({ uploadId, state: isRead ? 'completed' : 'failed' })
    await activities.removeFile({ uploadId })
    await activities.dropStaging({ uploadId })
  })
  return await getUpload(db, uploadId)
}

async function ingest({ activities }: IngestFixture, uploadId: string): Promise<boolean> {
  let part = await activities.indexFile({ uploadId })
  while (!part.refused && !part.done) {
    part = await activities.indexFile({ uploadId, cursor: part.cursor })
  }
  if (part.refused) return false
  const chunks = Array.from({ length: part.cursor.chunks }, (_, chunk) => chunk)
  for (const chunk of chunks) await activities.stageChunk({ uploadId, chunk })
  await activities.separateDuplicates({ uploadId })
  for (const chunk of chunks.toReversed()) await activities.applyChunk({ uploadId, chunk })
  return true
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  const logger = toTemporalLogger(silentLog)
  return await new MockActivityEnvironment({}, { logger }).run(work)
}

// What has to be said of a file's upload, and what is: equal when nothing is lost.
async function auditUpload(
  db: Database,
  upload: Upload,
  text: Buffer,
): Promise<{ readonly expected: object; readonly actual: object }> {
  const verdict = checkHeader(text.subarray(0, headBytes), licenseLayout)
  const { state, fileFaults } = upload
  if (!verdict.ok) {
    const expected = { state: 'failed', fileFaults: [verdict.fault] }
    return { expected, actual: { state, fileFaults } }
  }
  const { header } = verdict
  const from = { byte: header.bodyByte, line: header.bodyLine, record: 1 }
  const records = [...readRecords(text.subarray(header.bodyByte), { header, from })].length
  const { accepted, rejected, duplicates, ...counts } = pickCounts(upload.counts)
  return {
    expected: {
      state: 'completed',
      records,
      decided: records,
      accepted: sumAccepted(pickCounts(upload.counts)),
      faults: { rejected, duplicates },
    },
    actual: {
      state,
      records: counts.records,
      decided: accepted + rejected + duplicates,
      accepted,
      faults: await countFaults(db, upload.id),
    },
  }
}

async function countFaults(db: Database, uploadId: string): Promise<object | undefined> {
  const { rows } = await db.query<{ rejected: number; duplicates: number }>(
    `select count(*) filter (where kind = 'rejected') as rejected,
       count(*) filter (where kind = 'duplicate') as duplicates
     from upload_faults where upload_id = $1`,
    [uploadId],
  )
  return rows[0]
}

function sumAccepted({ created, updated, unchanged, stale }: UploadCounts): number {
  return created + updated + unchanged + stale
}
