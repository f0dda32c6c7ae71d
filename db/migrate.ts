import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { AppError } from '../core/errors.ts'

// Migrations stand beside the sources; a built tree keeps them there (dist/db → ../../db/migrations).
const SOURCE_DIR = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './migrations' : '../../db/migrations',
    import.meta.url,
  ),
)
const LOCK_KEY = 7_265_671_841
const TABLE = 'schema_migrations'

/**
 * Brings the database up to date and returns the names applied; many processes may call it at once.
 * Throws `unknown_migrations` and `migrations_out_of_order` for a database that another build has made.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'migrate' })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1::bigint)', [LOCK_KEY])
    assertPrefix(await listApplied(client), await listKnown())
    // Heavy, and most processes only ask what is pending.
    const { runner } = await import('node-pg-migrate')
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
export async function listPendingMigrations(db: Client): Promise<string[]> {
  const done = new Set(await listApplied(db))
  return (await listKnown()).filter((name) => !done.has(name))
}

type Client = Pick<pg.ClientBase, 'query'>

async function listKnown(): Promise<string[]> {
  const files = await readdir(SOURCE_DIR)
  return files
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4))
    .toSorted()
}

// In the order in which they were applied.
async function listApplied(db: Client): Promise<string[]> {
  const { rows: tables } = await db.query<{ found: boolean }>(
    'select to_regclass($1::text) is not null as found',
    [TABLE],
  )
  if (!tables[0]?.found) return []
  const { rows } = await db.query<{ name: string }>(`select name from ${TABLE} order by run_on, id`)
  return rows.map(({ name }) => name)
}

function assertPrefix(applied: readonly string[], known: readonly string[]): void {
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new AppError(
      'unknown_migrations',
      `Cannot migrate: the database has ${unknown.join(', ')}, which this build does not know; ` +
        'run the build that made it, or a newer one',
      { status: 500, expose: true },
    )
  }
  const index = applied.findIndex((name, at) => name !== known[at])
  if (index === -1) return
  throw new AppError(
    'migrations_out_of_order',
    `Cannot migrate: the database lacks ${known[index]} and has ${applied[index]}, which comes later; ` +
      'go on with the build that made it, or with an empty database',
    { status: 500, expose: true },
  )
}
