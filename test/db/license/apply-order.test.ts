import { fc } from '../../support/properties.ts'
import { emptyTables, readFinalTables } from './final-tables.ts'
import { applyChunk, applyUpload, ingest, stageUpload, types, type Row } from './staged-upload.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
const runs = 25

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

const row = fc.record({
  person: fc.nat(6),
  licenseType: fc.constantFrom(types.aud, types.slp),
  licenseStatus: fc.constantFrom('active', 'inactive'),
  dateOfIssuance: fc.constantFrom('2014-01-01', '2015-01-01', '2016-01-01'),
  dateOfExpiration: fc.constantFrom('2025-01-01', '2030-01-01', '2032-01-01'),
  familyName: fc.constantFrom('Díaz', 'Nguyễn', "O'Brien\\"),
})
const file: fc.Arbitrary<Row[]> = fc.array(row, { minLength: 1, maxLength: 14 })

test('applyStagedRows() leaves the same tables for any chunk size and order of chunks', async () => {
  await fc.assert(
    fc.asyncProperty(file, file, fc.integer({ min: 1, max: 5 }), fc.gen(), async (...input) => {
      const [first, second, chunkSize, gen] = input
      await emptyTables(database.db)
      await ingest(database.db, first, { sequence: 1, chunkSize: 100 })
      await ingest(database.db, second, { sequence: 2, chunkSize: 100 })
      const expected = await readFinalTables(database.db)
      await emptyTables(database.db)
      for (const [index, rows] of [first, second].entries()) {
        const upload = await stageUpload(database.db, rows, { sequence: index + 1, chunkSize })
        const chunks = Array.from({ length: upload.chunks }, (_, chunk) => chunk)
        const order = gen(fc.shuffledSubarray, chunks, { minLength: chunks.length })
        const counts = await applyUpload(database.db, upload, order)
        expect(counts.accepted + upload.duplicates).toBe(rows.length)
        expect(counts.accepted).toBe(
          counts.created + counts.updated + counts.unchanged + counts.stale,
        )
      }
      expect(await readFinalTables(database.db)).toEqual(expected)
    }),
    { numRuns: runs },
  )
})

test('applyStagedRows() lets the later file win, however the chunks of two open uploads mix', async () => {
  await fc.assert(
    fc.asyncProperty(file, file, file, fc.gen(), async (...input) => {
      const [stored, older, newer, gen] = input
      await emptyTables(database.db)
      await ingest(database.db, stored, { sequence: 1 })
      await ingest(database.db, older, { sequence: 2 })
      await ingest(database.db, newer, { sequence: 3 })
      const expected = await readFinalTables(database.db)
      await emptyTables(database.db)
      await ingest(database.db, stored, { sequence: 1 })
      const uploads = [
        await stageUpload(database.db, older, { sequence: 2 }),
        await stageUpload(database.db, newer, { sequence: 3 }),
      ]
      const steps = uploads.flatMap((upload) =>
        Array.from({ length: upload.chunks }, (_, chunk) => ({ upload, chunk })),
      )
      const mixed = gen(fc.shuffledSubarray, steps, { minLength: steps.length })
      for (const { upload, chunk } of mixed) await applyChunk(database.db, upload, chunk)
      const { licenses, providers } = await readFinalTables(database.db)
      expect(withoutSequence(licenses)).toEqual(withoutSequence(expected['licenses']))
      expect(providers).toEqual(expected['providers'])
    }),
    { numRuns: runs },
  )
})

test('applyStagedRows() run at once by uploads of several jurisdictions leaves the same tables', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(file, { minLength: 2, maxLength: 4 }), async (files) => {
      const jurisdictions = ['oh', 'ky', 'ne', 'al']
      await emptyTables(database.db)
      for (const [index, rows] of files.entries()) {
        await ingest(database.db, rows, { sequence: 1, jurisdiction: jurisdictions[index] ?? '' })
      }
      const expected = await readFinalTables(database.db)
      await emptyTables(database.db)
      const uploads = await Promise.all(
        files.map(async (rows, index) => {
          const jurisdiction = jurisdictions[index] ?? ''
          return await stageUpload(database.db, rows, { sequence: 1, jurisdiction })
        }),
      )
      await Promise.all(
        uploads.flatMap((upload) =>
          Array.from(
            { length: upload.chunks },
            async (_, chunk) => await applyChunk(database.db, upload, chunk),
          ),
        ),
      )
      expect(await readFinalTables(database.db)).toEqual(expected)
    }),
    { numRuns: runs },
  )
})

function withoutSequence(rows: readonly unknown[] | undefined): unknown[] {
  return (rows ?? []).map((found) => {
    const { license, ...rest } = found as { license: Record<string, unknown> } // made by readFinalTables
    const { upload_sequence: _sequence, upload_record: _record, ...content } = license
    return { ...rest, content }
  })
}
