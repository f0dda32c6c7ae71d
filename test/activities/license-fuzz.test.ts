import fc from 'fast-check'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { createTestDatabase } from '../support/database.ts'
import { createIngestFixture } from '../support/ingest.ts'
import { auditUpload, fuzzedFile, ingestByActivities } from '../support/ingest-fuzz.ts'

test('no fuzzed file loses a row, fails an activity or leaves its upload unfinished', async () => {
  const database = await createTestDatabase()
  const ring = createKeyRing(generateKeyRingDocument())
  const fixture = await createIngestFixture(database.db, ring, {
    minChunkBytes: 600,
    usualChunkBytes: 600,
  })
  await fc.assert(
    fc.asyncProperty(fuzzedFile, async (text) => {
      const upload = await ingestByActivities(database.db, fixture, text)
      const { expected, actual } = await auditUpload(database.db, upload, text)
      expect(actual).toEqual(expected)
    }),
    { numRuns: 50 },
  )
  await fixture.close()
  await database.close()
})
