import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'

// Migrations stand beside the sources; a built tree keeps them there (dist/db → ../../db/migrations).
const SOURCE_DIR = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './migrations' : '../../db/migrations',
    import.meta.url,
  ),
)
const LOCK_KEY = 7_265_671_841
const TABLE = 'schema_migrations'

/** Brings the database up to date and returns the names applied; many processes may call it at once. */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'migrate' })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1::bigint)', [LOCK_KEY])
    const applied = await runner({
      dbClient: client,
      dir: SOURCE_DIR,
      direction: 'up',
      migrationsTable: TABLE,
      noLock: true,
      log: () => {},
    })
    return applied.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}

/** The names of the migrations that this build has and the database lacks, in order. */
export async function listPendingMigrations(db: Pick<pg.ClientBase, 'query'>): Promise<string[]> {
  const files = await readdir(SOURCE_DIR)
  const known = files.filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4))
  const { rows: tables } = await db.query<{ found: boolean }>(
    'select to_regclass($1::text) is not null as found',
    [TABLE],
  )
  if (!tables[0]?.found) return known.toSorted()
  const { rows } = await db.query<{ name: string }>(`select name from ${TABLE}`)
  const done = new Set(rows.map((row) => row.name))
  return known.filter((name) => !done.has(name)).toSorted()
}
