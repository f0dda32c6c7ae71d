import pg from 'pg'
import { AppError } from '../core/errors.ts'

/** Anything that runs a query: the pool, or a client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>
export type Database = pg.Pool
export type Transaction = pg.PoolClient

export type DatabaseOptions = {
  readonly connectionString: string
  readonly applicationName: string
  readonly maxConnections?: number
  /** Ends a statement that runs longer, here and on the server; without it one may take for ever. */
  readonly statementTimeoutMs?: number
  /** Told of errors on idle connections (a server restart); the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void
}

const CONNECT_TIMEOUT_MS = 5_000
// The server's own timeout is to come first: its answer leaves the connection usable.
const SERVER_LEAD_MS = 500

// Sequence numbers and counts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
// Dates are calendar days, not instants: keep `YYYY-MM-DD`.
pg.types.setTypeParser(pg.types.builtins.DATE, (text: string) => text)

/** Opens a pool; connections are made on first use, and one that cannot be had within 5 s fails the query. */
export function createDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...timeoutsOf(options),
  })
  pool.on('error', (error) => options.onIdleError?.(error))
  return pool
}

function timeoutsOf({ statementTimeoutMs }: DatabaseOptions): pg.PoolConfig {
  if (statementTimeoutMs === undefined) return {}
  return {
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SERVER_LEAD_MS,
  }
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export async function withTransaction<T>(
  db: Database,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await db.connect()
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    broken ??= await rollBack(client, error)
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}

/** Runs a part of a transaction that may fail alone: what it did is undone when it throws. */
export async function withSavepoint<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
  await tx.query('savepoint part')
  try {
    const result = await work()
    await tx.query('release savepoint part')
    return result
  } catch (error) {
    await tx.query('rollback to savepoint part')
    throw error
  }
}

/** Rolls back; answers with why the connection is of no more use, where it is not. */
async function rollBack(client: Transaction, cause: unknown): Promise<Error | undefined> {
  // The server said nothing for long: it would not answer this either.
  if (cause instanceof Error && cause.message === 'Query read timeout') return cause
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error as Error // pg throws nothing else
  }
}

/** The first row of an answer; throws `not_found` with this message where there is none. */
export function getRow<T>(rows: readonly T[], message: string): T {
  const row = rows[0]
  if (row === undefined) throw new AppError('not_found', message, { status: 404 })
  return row
}
