import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { readFinalTables } from '../db/license/final-tables.ts'
import { createTestDatabase } from '../support/database.ts'
import { createCrashSite } from '../support/ingest-crash.ts'
import { copyHashKey, ingestUndisturbed, ingestWithKills } from '../support/ingest-kills.ts'
import { startTestTemporalServer, type TestTemporalServer } from '../support/temporal-server.ts'

const keyRing = generateKeyRingDocument()
// Both are of three chunks; `test/soak` kills at more moments of larger ones.
const first = { rows: 7_000, seed: 11, later: false }
const later = { ...first, later: true }

let directory: string
let server: TestTemporalServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-crash-test-'))
  // Worker processes poll the product's queues: not on the shared server.
  server = await startTestTemporalServer({ directory: join(directory, 'temporal') })
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

test('an ingest whose workers are killed leaves the same tables as an undisturbed one', async () => {
  const [quiet, killed] = [await createTestDatabase(), await createTestDatabase()]
  await ingestUndisturbed(quiet.db, keyRing, [first, later])
  await copyHashKey(quiet.db, killed.db)
  const site = await createCrashSite({
    db: killed.db,
    databaseUrl: killed.url,
    temporalAddress: server.address,
    keyRing,
  })
  await ingestWithKills(site, first, [0.25])
  await ingestWithKills(site, later, [0.7])
  expect(await readFinalTables(killed.db)).toEqual(await readFinalTables(quiet.db))
  await site.close()
  await quiet.close()
  await killed.close()
}, 600_000)
