import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../cli/embedded/postgres.ts'
import { migrate } from '../../db/migrate.ts'

export type TestServers = { readonly directory: string; readonly postgres: EmbeddedPostgres }

declare global {
  var testServers: TestServers | undefined
}

const TEMPLATE = 'registrar_template'

/** Starts the servers that all test files share, and migrates the database that each file clones. */
export default async function globalSetup(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-test-'))
  const postgres = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    settings: ['fsync=off', 'full_page_writes=off', 'max_connections=200'],
  })
  await createTemplate(postgres.url)
  globalThis.testServers = { directory, postgres }
  process.env['TEST_POSTGRES_URL'] = postgres.url
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
