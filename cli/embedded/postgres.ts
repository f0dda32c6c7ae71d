import { spawn, type ChildProcess } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { AppError } from '../../core/errors.ts'
import { findFreePort } from './ports.ts'
import { prepareCluster, SUPERUSER, type PostgresCluster } from './postgres-cluster.ts'
import { stopChild, waitForEnd } from './processes.ts'
import { openServerLog } from './server-log.ts'
import { waitForServer } from './server-start.ts'

export type EmbeddedPostgres = {
  readonly url: string
  readonly version: string
  readonly process: ChildProcess
  /** Resolves when the server is gone, for whatever reason. */
  readonly ended: Promise<void>
  /** Fast shutdown: connections are closed, nothing committed is lost; killed when that takes over 4 s. */
  readonly stop: () => Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** The folder that belongs to this server; made when absent. */
  readonly directory: string
  readonly port?: number
  /** Extra `name=value` settings. */
  readonly settings?: readonly string[]
  /** Aborted: the start is given up. */
  readonly signal?: AbortSignal
}

const DATABASE = 'registrar'
// Recovery after a crash during a large load takes its time.
const START_TIMEOUT_MS = 120_000
const CONNECT_TIMEOUT_MS = 5_000
const STOP = { signal: 'SIGINT', graceMs: 4_000 } as const

// Statements and rows hold personal data: the log says that the server runs, not what it is asked.
const SETTINGS = [
  'log_min_messages=log',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'max_connections=200',
  'shared_buffers=256MB',
  'max_wal_size=2GB',
  'jit=off',
]

// Where containers have 64 MB of it, what several processes join does not fit.
const SHARED_MEMORY = '/dev/shm'
const SHARED_MEMORY_BYTES = 2 ** 30

/**
 * Starts the embedded PostgreSQL on loopback, creating the cluster on first use; resolves when it
 * answers. A server that an earlier process left running on the same data is stopped first. Throws
 * `postgres_start_failed` with the end of the server's log.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const cluster = await prepareCluster(options.directory)
  const port = options.port ?? (await findFreePort())
  const log = await openServerLog(join(options.directory, 'server.log'))
  const child = spawn(
    join(cluster.binDir, 'postgres'),
    listArguments(cluster, port, [...(await chooseSharedMemory()), ...(options.settings ?? [])]),
    // Ctrl-C is for the supervisor, which stops the servers last.
    { ...cluster.owner, cwd: cluster.directory, detached: true, stdio: ['ignore', log.fd, log.fd] },
  )
  const ended = waitForEnd(child)
  await log.close()
  const url = `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${DATABASE}`
  try {
    await waitForServer({
      child,
      check: async () => await assertAnswering(url),
      timeoutMs: START_TIMEOUT_MS,
      signal: options.signal,
    })
  } catch (cause) {
    await stopChild(child, STOP)
    throw new AppError(
      'postgres_start_failed',
      `Cannot start PostgreSQL: ${await log.readTelling()} (${(cause as Error).message})`, // as thrown below
      { status: 500, expose: true, cause },
    )
  }
  return {
    url,
    version: cluster.version,
    process: child,
    ended,
    stop: async () => await stopChild(child, STOP),
  }
}

function listArguments(
  cluster: PostgresCluster,
  port: number,
  settings: readonly string[],
): string[] {
  const args = ['-D', cluster.directory, '-h', '127.0.0.1', '-p', String(port), '-k', '']
  for (const setting of [...SETTINGS, ...settings]) args.push('-c', setting)
  return args
}

async function chooseSharedMemory(): Promise<readonly string[]> {
  const room = await statfs(SHARED_MEMORY).catch(() => undefined)
  const isScarce = room !== undefined && room.bavail * room.bsize < SHARED_MEMORY_BYTES
  return isScarce ? ['dynamic_shared_memory_type=mmap'] : []
}

async function assertAnswering(url: string): Promise<void> {
  const maintenance = new URL(url)
  maintenance.pathname = '/postgres'
  const client = new pg.Client({
    connectionString: maintenance.href,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [
      DATABASE,
    ])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end().catch(() => {})
  }
}
