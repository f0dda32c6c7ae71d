import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, type Config } from '../../config/config.ts'
import { startWorker } from '../../workers/main.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/polling.ts'
import {
  createTestTemporal,
  getBundlePath,
  silentLog,
  type TestTemporal,
} from '../support/temporal.ts'

const METRICS = { host: '127.0.0.1', port: 0 }

let database: TestDatabase
let temporal: TestTemporal
let directory: string

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
  directory = await mkdtemp(join(tmpdir(), 'registrar-worker-'))
})
afterAll(async () => {
  await temporal.close()
  await database.close()
  await rm(directory, { recursive: true })
})

function createConfig(temporalAddress: string): Config {
  return loadConfig({
    DATA_DIR: directory,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress,
  })
}

async function readMetric(url: string, name: string): Promise<number> {
  const response = await fetch(`${url}/metrics`)
  const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

test('startWorker() polls, serves its figures and lets go of everything', async () => {
  const worker = await startWorker({
    config: createConfig(temporal.address),
    log: silentLog,
    bundlePath: getBundlePath(),
    metrics: METRICS,
  })
  const url = worker.metricsUrl ?? ''
  await waitUntil(
    'the workers poll',
    async () => (await readMetric(url, 'registrar_worker_polling')) === 1,
  )
  expect(await readMetric(url, 'registrar_outbox_waiting')).toBe(0)
  await expect(fetch(`${url}/healthz`)).resolves.toMatchObject({ status: 200 })
  await expect(fetch(`${url}/else`)).resolves.toMatchObject({ status: 404 })
  await worker.close()
  await worker.done
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
})

test('startWorker() comes up and closes while Temporal is away', async () => {
  const worker = await startWorker({
    config: createConfig('127.0.0.1:9'),
    log: silentLog,
    bundlePath: getBundlePath(),
  })
  await worker.close()
  await expect(worker.done).resolves.toBeUndefined()
})

test.each(['DATABASE_URL', 'TEMPORAL_ADDRESS'])('startWorker() asks for %s', async (variable) => {
  const settings = { DATABASE_URL: database.url, TEMPORAL_ADDRESS: temporal.address }
  const config = loadConfig({ DATA_DIR: directory, ...settings, [variable]: undefined })
  await expect(startWorker({ config, log: silentLog })).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining(variable) as string,
  })
})
