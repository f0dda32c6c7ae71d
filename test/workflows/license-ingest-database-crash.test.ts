import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../cli/embedded/postgres.ts'
import { createRandom } from '../../core/sample/random.ts'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { createDatabase } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { createCrashSite, waitForEnd, waitForPoint } from '../support/ingest-crash.ts'
import { countBoardFile, writeBoardFile } from '../support/ingest-kills.ts'
import { stopRegistrar } from '../support/registrar-process.ts'
import { startTestTemporalServer, type TestTemporalServer } from '../support/temporal-server.ts'

const keyRing = generateKeyRingDocument()
const file = { rows: 12_000, seed: 11, later: false }

let directory: string
let server: TestTemporalServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-database-crash-'))
  // Worker processes poll the product's queues: not on the shared server.
  server = await startTestTemporalServer({ directory: join(directory, 'temporal') })
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

test('an ingest goes on by itself when PostgreSQL is killed', async () => {
  const options = { directory: join(directory, 'postgres') }
  let postgres = await startEmbeddedPostgres(options)
  const port = Number(new URL(postgres.url).port)
  await migrate(postgres.url)
  const db = createDatabase({ connectionString: postgres.url, applicationName: 'test' })
  const site = await createCrashSite({
    db,
    databaseUrl: postgres.url,
    temporalAddress: server.address,
    keyRing,
  })
  const worker = site.spawnWorker()
  const uploadId = await site.accept({ text: writeBoardFile(file) })
  for (const point of [0.3, 0.7]) {
    await waitForPoint(db, uploadId, { point, random: createRandom('postgres', point) })
    postgres.process.kill('SIGKILL')
    postgres = await startEmbeddedPostgres({ ...options, port })
  }
  const upload = await waitForEnd(db, uploadId)
  expect(upload).toMatchObject({ state: 'completed', counts: countBoardFile(file) })
  await stopRegistrar(worker)
  await site.close()
  await db.end()
  await postgres.stop()
}, 600_000)
