import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createDatabase, type Database } from '../../db/client.ts'

export type TestDatabase = {
  readonly url: string
  readonly db: Database
  /** Closes the pool and drops the database; fails the file when a connection is left open. */
  readonly close: () => Promise<void>
}

/** Clones the migrated template into a database of its own on the run's shared server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env['TEST_POSTGRES_URL']
  if (serverUrl === undefined)
    throw new Error('Cannot find the test PostgreSQL: run through npm test')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runOnServer(serverUrl, `create database ${name} template registrar_template`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const db = createDatabase({ connectionString: url.href, applicationName: 'test' })
  return {
    url: url.href,
    db,
    async close() {
      await db.end()
      await runOnServer(serverUrl, `drop database ${name}`)
    },
  }
}

async function runOnServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
