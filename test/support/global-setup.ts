import { chmod, mkdtemp, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../cli/embedded/postgres.ts'
import { migrate } from '../../db/migrate.ts'
import { buildWorkflowBundle } from '../../workers/bundle.ts'
import globalTeardown from './global-teardown.ts'
import { startTestTemporalServer, type TestTemporalServer } from './temporal-server.ts'

export type TestServers = {
  readonly directory: string
  postgres?: EmbeddedPostgres
  temporal?: TestTemporalServer
}

declare global {
  var testServers: TestServers | undefined
}

const TEMPLATE = 'registrar_template'
const MEMORY = '/dev/shm'
const MEMORY_BYTES = 8 * 2 ** 30
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** Starts the servers that all test files share, migrates the database that each file clones, and bundles the workflows. */
export default async function globalSetup(): Promise<void> {
  const directory = await mkdtemp(join(await findRoom(), 'registrar-test-'))
  // Servers that run as another user have to reach what is in there.
  await chmod(directory, 0o755)
  const servers: TestServers = { directory }
  globalThis.testServers = servers
  // Test files and what they start leave theirs in there, too.
  process.env['TMPDIR'] = directory
  stopOnSignals()
  const parts = await Promise.allSettled([
    startPostgres(servers),
    startTemporal(servers),
    writeBundle(servers),
  ])
  const failure = parts.find((part) => part.status === 'rejected')
  if (!failure) return
  await globalTeardown()
  throw failure.reason
}

// Databases come and go by the hundred: in memory, where there is plenty, that costs half as much.
async function findRoom(): Promise<string> {
  const room = await statfs(MEMORY).catch(() => undefined)
  return room && room.bavail * room.bsize >= MEMORY_BYTES ? MEMORY : tmpdir()
}

async function startPostgres(servers: TestServers): Promise<void> {
  servers.postgres = await startEmbeddedPostgres({
    directory: join(servers.directory, 'postgres'),
    settings: ['fsync=off', 'full_page_writes=off', 'max_connections=200', 'max_wal_size=256MB'],
  })
  await createTemplate(servers.postgres.url)
  process.env['TEST_POSTGRES_URL'] = servers.postgres.url
}

async function createTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`create database ${TEMPLATE}`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${TEMPLATE}`
  await migrate(url.href)
}

async function startTemporal(servers: TestServers): Promise<void> {
  const directory = join(servers.directory, 'temporal')
  servers.temporal = await startTestTemporalServer({ directory })
  process.env['TEST_TEMPORAL_ADDRESS'] = servers.temporal.address
}

async function writeBundle({ directory }: TestServers): Promise<void> {
  const path = join(directory, 'workflow-bundle.js')
  await writeFile(path, await buildWorkflowBundle())
  process.env['TEST_WORKFLOW_BUNDLE'] = path
}

// The servers are in process groups of their own, so Ctrl-C would leave them running.
function stopOnSignals(): void {
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      void globalTeardown().finally(() => process.exit(code))
    })
  }
}
