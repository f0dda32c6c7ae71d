import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../core/sample/random.ts'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { readFinalTables } from '../db/license/final-tables.ts'
import { createTestDatabase } from '../support/database.ts'
import { createCrashSite } from '../support/ingest-crash.ts'
import { copyHashKey, ingestUndisturbed, ingestWithKills } from '../support/ingest-kills.ts'
import { startTestTemporalServer } from '../support/temporal-server.ts'

const ROUNDS = 7
const KILLS_PER_FILE = 4
const keyRing = generateKeyRingDocument()

test('56 killed workers at seeded points leave the same tables as undisturbed runs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-soak-'))
  const server = await startTestTemporalServer({ directory: join(directory, 'temporal') })
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = createRandom('soak', seed)
    const files = [false, true].map((later) => ({ rows: 12_000, seed, later }))
    const [quiet, killed] = [await createTestDatabase(), await createTestDatabase()]
    await ingestUndisturbed(quiet.db, keyRing, files)
    await copyHashKey(quiet.db, killed.db)
    const site = await createCrashSite({
      db: killed.db,
      databaseUrl: killed.url,
      temporalAddress: server.address,
      keyRing,
    })
    for (const file of files) {
      const points = Array.from({ length: KILLS_PER_FILE }, () => random.next())
      await ingestWithKills(
        site,
        file,
        points.toSorted((a, b) => a - b),
      )
    }
    expect(await readFinalTables(killed.db)).toEqual(await readFinalTables(quiet.db))
    await site.close()
    await quiet.close()
    await killed.close()
  }
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}, 3_600_000)
