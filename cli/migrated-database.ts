import type { Config } from '../config/config.ts'
import { AppError } from '../core/errors.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { listPendingMigrations } from '../db/migrate.ts'
import { withLocalDatabase } from './local-database.ts'

const CONNECTIONS = 2

/**
 * Runs `work` on this machine's database through a pool that lives as long as it. Throws
 * `database_outdated` where migrations are missing.
 */
export async function withMigratedDatabase<T>(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  return await withLocalDatabase(config, async (connectionString) => {
    const db = createDatabase({
      connectionString,
      applicationName: 'registrar-cli',
      maxConnections: CONNECTIONS,
    })
    try {
      await assertMigrated(db)
      return await work(db)
    } finally {
      await db.end()
    }
  })
}

async function assertMigrated(db: Database): Promise<void> {
  const [first] = await listPendingMigrations(db)
  if (first === undefined) return
  throw new AppError(
    'database_outdated',
    `Cannot use the database: it lacks migration "${first}"; run "registrar migrate" first`,
    { status: 503, expose: true },
  )
}
