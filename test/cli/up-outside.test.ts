import { join } from 'node:path'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  stopRegistrar,
  waitForRun,
  waitUntilReady,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'
import { startTestTemporalServer } from '../support/temporal-server.ts'

let scratch: ScratchDir
let dataDir: string
let database: TestDatabase

beforeAll(async () => {
  scratch = await createScratchDir('outside')
  dataDir = join(scratch.path, 'data')
  database = await createTestDatabase()
})
afterAll(async () => {
  await database.close()
  await scratch.remove()
})

test('up with configured servers serves while Temporal is away, and is ready when it comes', async () => {
  const port = await findFreePort()
  const env = { DATABASE_URL: database.url, TEMPORAL_ADDRESS: `127.0.0.1:${port}` }
  const started = spawnRegistrar(['up', '--port', '0', '--data-dir', dataDir], { env })
  const run = await waitForRun(started, dataDir)
  expect(run).toMatchObject({
    databaseUrl: database.url,
    temporalAddress: env.TEMPORAL_ADDRESS,
    temporalUiUrl: null,
  })
  const away = await fetch(`${run.apiUrl}/readyz`)
  expect(away.status).toBe(503)
  await expect(away.json()).resolves.toMatchObject({
    checks: { postgres: { ok: true }, temporal: { ok: false } },
  })
  const temporal = await startTestTemporalServer({ port, directory: scratch.path })
  await waitUntilReady(run.apiUrl)
  const { services, postgres, temporal: embedded } = await listRegistrarProcesses(dataDir)
  expect([services.length, postgres.length, embedded.length]).toEqual([2, 0, 0])
  const { ended } = await stopRegistrar(started)
  await temporal.stop()
  expect(ended).toBe(0)
})
