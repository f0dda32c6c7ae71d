import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { AppError } from '../../core/errors.ts'
import { findPostgresBinaries, isTraversableByOthers } from './postgres-binaries.ts'

export type EmbeddedPostgres = {
  readonly url: string
  readonly process: ChildProcess
  /** Fast shutdown: connections are closed, nothing committed is lost. */
  readonly stop: () => Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** The folder that belongs to this server; made when absent. */
  readonly directory: string
  readonly port?: number
  /** Extra `name=value` settings. */
  readonly settings?: readonly string[]
}

const execFileAsync = promisify(execFile)
const START_TIMEOUT_MS = 30_000
const USER = 'registrar'
const DATABASE = 'registrar'
const SHARED_DATA_DIR = '/var/lib/registrar'

/** Starts the embedded PostgreSQL on loopback, creating the cluster on first use; resolves when it answers. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const owner = await findServerUser()
  const { binDir } = await findPostgresBinaries(owner?.uid)
  const password = await preparePassword(options.directory)
  const cluster = join(await findReachableDirectory(options.directory, owner), 'cluster')
  await initCluster({ binDir, cluster, password, owner })
  const port = options.port ?? (await findFreePort())
  const args = ['-D', cluster, '-h', '127.0.0.1', '-p', String(port), '-k', '']
  for (const setting of options.settings ?? []) args.push('-c', setting)
  const child = spawn(join(binDir, 'postgres'), args, {
    ...owner,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`
  await waitUntilReady(child, url)
  return { url, process: child, stop: async () => await stopChild(child) }
}

/** A TCP port on loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  await new Promise((done) => server.close(done))
  return port
}

type ServerUser = { readonly uid: number; readonly gid: number }

// PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody` where there is none.
async function findServerUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const passwd = await readFile('/etc/passwd', 'utf8')
  for (const name of ['postgres', 'nobody']) {
    const line = passwd.split('\n').find((entry) => entry.startsWith(`${name}:`))
    const [, , uid, gid] = line?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new AppError(
    'no_server_user',
    'Cannot start PostgreSQL as root: add a user "postgres", or set DATABASE_URL',
    { status: 500, expose: true },
  )
}

/**
 * The folder for the cluster: `directory` itself where the server's user can reach it. Started by
 * root below a private folder it is one under /var/lib/registrar, named by the directory's path.
 */
async function findReachableDirectory(
  directory: string,
  owner: ServerUser | undefined,
): Promise<string> {
  if (!owner) return directory
  const path = await realpath(directory)
  for (const own of [path, dirname(path)]) {
    const { mode, uid } = await stat(own)
    if (uid === 0 && (mode & 0o7777) === 0o700) await chmod(own, 0o711)
  }
  if (await isTraversableByOthers(path)) return path
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16)
  const elsewhere = join(SHARED_DATA_DIR, name)
  await mkdir(elsewhere, { recursive: true, mode: 0o711 })
  await writeFile(join(elsewhere, 'data-directory'), path)
  await writeFile(join(path, 'cluster-location'), elsewhere)
  return elsewhere
}

async function preparePassword(directory: string): Promise<string> {
  const file = join(directory, 'password')
  await mkdir(directory, { recursive: true, mode: 0o711 })
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined) return known
  const password = randomBytes(24).toString('base64url')
  await writeFile(file, password, { mode: 0o600 })
  return password
}

async function initCluster(options: {
  readonly binDir: string
  readonly cluster: string
  readonly password: string
  readonly owner: ServerUser | undefined
}): Promise<void> {
  const { binDir, cluster, password, owner } = options
  const done = await readFile(join(cluster, 'registrar.initialized'), 'utf8').catch(() => undefined)
  if (done !== undefined) return
  await rm(cluster, { recursive: true, force: true })
  await mkdir(cluster, { mode: 0o700 })
  const passwordFile = `${cluster}.pw`
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (owner) {
    await chown(cluster, owner.uid, owner.gid)
    await chown(passwordFile, owner.uid, owner.gid)
  }
  await execFileAsync(
    join(binDir, 'initdb'),
    [
      '-D',
      cluster,
      '-U',
      USER,
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...owner },
  )
  await rm(passwordFile)
  await writeFile(join(cluster, 'registrar.initialized'), '')
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  const log: string[] = []
  child.stderr?.on('data', (chunk: Buffer) => {
    log.push(chunk.toString())
    if (log.length > 50) log.shift()
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new AppError(
        'postgres_start_failed',
        `Cannot start PostgreSQL: ${log.join('').trim()}`,
        {
          status: 500,
        },
      )
    }
    if (await isAnswering(url)) return
    await new Promise((done) => setTimeout(done, 50))
  }
}

async function isAnswering(url: string): Promise<boolean> {
  const maintenance = new URL(url)
  maintenance.pathname = '/postgres'
  const client = new pg.Client({ connectionString: maintenance.href })
  try {
    await client.connect()
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [
      DATABASE,
    ])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((done) => child.once('exit', done))
  child.kill('SIGINT')
  await exited
}
