import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../cli/embedded/postgres.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { migrate } from '../db/migrate.ts'
import { registerEnd } from './endings.ts'

/** Starts a PostgreSQL of its own with Registrar's tables; `end` removes it. */
export async function startBenchDatabase(
  options: { readonly maxConnections?: number } = {},
): Promise<{ readonly db: Database; readonly end: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-'))
  const postgres = await startEmbeddedPostgres({ directory })
  const stop = registerEnd(async () => {
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  })
  await migrate(postgres.url)
  const db = createDatabase({
    connectionString: postgres.url,
    applicationName: 'bench',
    ...options,
  })
  const end = async (): Promise<void> => {
    await db.end()
    await stop()
  }
  return { db, end }
}
