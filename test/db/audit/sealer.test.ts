import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { createKeyRing, generateKeyRingDocument } from '../../../crypto/key-ring.ts'
import { createDatabase, withTransaction, type Database } from '../../../db/client.ts'
import type { Loop } from '../../../workers/loop.ts'
import { startSealer } from '../../../workers/sealer.ts'
import { appendSampleEntries, collectLog, verifyDatabase } from '../../support/audit.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/polling.ts'

const WRITERS = 20
const TRANSACTIONS = 12
const LONG_MS = 150
const ring = createKeyRing(generateKeyRingDocument())
let database: TestDatabase
let pool: Database
let dataDir: string
let sealers: Loop[]

beforeEach(async () => {
  database = await createTestDatabase()
  pool = createDatabase({
    connectionString: database.url,
    applicationName: 'writers',
    maxConnections: WRITERS,
  })
  dataDir = await mkdtemp(join(tmpdir(), 'registrar-sealer-'))
  sealers = []
})
afterEach(async () => {
  await Promise.all(sealers.map(async (sealer) => await sealer.close()))
  await pool.end()
  await rm(dataDir, { recursive: true })
  await database.close()
})

function addSealer(): void {
  const log = pino({ level: 'silent' })
  sealers.push(startSealer({ db: database.db, ring, log, intervalMs: 20, dataDir }))
}

// Short transactions, long ones, long ones that append at both ends, and ones that are undone.
async function writeTransactions(writer: number): Promise<number> {
  let committed = 0
  for (let turn = 0; turn < TRANSACTIONS; turn += 1) {
    const kind = (writer + turn) % 4
    const count = 1 + ((writer * turn) % 7)
    const work = withTransaction(pool, async (tx) => {
      if (kind === 1) await delay(LONG_MS)
      await appendSampleEntries(tx, count)
      if (kind === 2) await delay(LONG_MS)
      if (kind === 2) await appendSampleEntries(tx, 1)
      if (kind === 3) throw new Error('undone')
    })
    const isCommitted = await work.then(
      () => true,
      () => false,
    )
    if (isCommitted) committed += count + (kind === 2 ? 1 : 0)
  }
  return committed
}

async function waitUntilSealed(): Promise<void> {
  await waitUntil('every entry is sealed', async () => {
    const verdict = await verifyDatabase(database.db, ring)
    return verdict.ok && verdict.unsealed === 0
  })
}

test('startSealer() seals every entry once while many write and two sealers run', async () => {
  addSealer()
  addSealer()
  const writers = Array.from({ length: WRITERS }, (_, index) => index)
  const counts = await Promise.all(writers.map(writeTransactions))
  await waitUntilSealed()
  const committed = counts.reduce((sum, count) => sum + count, 0)
  const log = await collectLog(database.db)
  const seals = log.filter((record) => record.kind === 'seal')
  expect(log.length - seals.length).toBe(committed)
  expect(seals.reduce((sum, seal) => sum + seal.entries, 0)).toBe(committed)
  expect(seals.length).toBeGreaterThan(5)
  await expect(verifyDatabase(database.db, ring)).resolves.toMatchObject({ entries: committed })
})

test('startSealer() keeps the public keys in the data directory', async () => {
  addSealer()
  await appendSampleEntries(database.db, 1)
  await waitUntilSealed()
  const text = await readFile(join(dataDir, 'audit-keys.jwks.json'), 'utf8')
  expect(JSON.parse(text)).toMatchObject({
    keys: [{ kty: 'OKP', crv: 'Ed25519', kid: ring.currentId, use: 'sig' }],
  })
})
