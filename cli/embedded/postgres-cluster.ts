import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../core/errors.ts'
import { findPostgresBinaries, isTraversableByOthers } from './postgres-binaries.ts'
import { stopPostgresRemains } from './postgres-remains.ts'

/** A user other than root that the server runs as. */
export type ServerUser = { readonly uid: number; readonly gid: number }

export type PostgresCluster = {
  readonly directory: string
  readonly binDir: string
  readonly version: string
  readonly password: string
  /** Undefined: the server runs as this process's user. */
  readonly owner: ServerUser | undefined
}

export const SUPERUSER = 'registrar'

const execFileAsync = promisify(execFile)
const SHARED_DATA_DIR = '/var/lib/registrar'
const DIRECTORY_MODE = 0o711
const INITIALIZED = 'registrar.initialized'

/**
 * Makes the cluster that belongs to `directory` when it is not there yet, and ends what still runs
 * on it; safe to repeat after a crash at any point.
 */
export async function prepareCluster(directory: string): Promise<PostgresCluster> {
  const owner = await findServerUser()
  const { binDir, version } = await findPostgresBinaries(owner?.uid)
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
  const password = await preparePassword(directory)
  const reachable = await findReachableDirectory(directory, owner)
  const cluster = {
    directory: join(reachable, 'cluster'),
    binDir,
    version,
    password,
    owner,
  }
  await stopPostgresRemains(cluster.directory)
  if (await isInitialized(cluster.directory)) await assertSameMajor(cluster)
  else await initialize(cluster)
  return cluster
}

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
 * root below somebody's private folder it is one under /var/lib/registrar, noted in both places.
 */
async function findReachableDirectory(
  directory: string,
  owner: ServerUser | undefined,
): Promise<string> {
  const path = await realpath(directory)
  if (!owner) return path
  for (const own of [path, dirname(path)]) {
    const { mode, uid } = await stat(own)
    if (uid === 0 && (mode & 0o777) === 0o700) await chmod(own, DIRECTORY_MODE)
  }
  if (await isTraversableByOthers(path)) return path
  const note = join(path, 'cluster-location')
  const known = await readFile(note, 'utf8').catch(() => undefined)
  if (known !== undefined) return known
  await removeAbandoned(path)
  const elsewhere = join(SHARED_DATA_DIR, randomUUID())
  await mkdir(elsewhere, { recursive: true, mode: DIRECTORY_MODE })
  await writeFile(join(elsewhere, 'data-directory'), path)
  await writeFile(note, elsewhere)
  return elsewhere
}

// Of a data directory at the same path that was deleted without its cluster.
async function removeAbandoned(path: string): Promise<void> {
  for (const name of await readdir(SHARED_DATA_DIR).catch(() => [])) {
    const directory = join(SHARED_DATA_DIR, name)
    const owner = await readFile(join(directory, 'data-directory'), 'utf8').catch(() => undefined)
    if (owner === path) await rm(directory, { recursive: true })
  }
}

async function preparePassword(directory: string): Promise<string> {
  const file = join(directory, 'password')
  const known = await readFile(file, 'utf8').catch(() => '')
  if (known !== '') return known
  const password = randomBytes(24).toString('base64url')
  await writeFile(file, password, { mode: 0o600 })
  return password
}

async function isInitialized(directory: string): Promise<boolean> {
  return await stat(join(directory, INITIALIZED)).then(
    () => true,
    () => false,
  )
}

async function assertSameMajor(cluster: PostgresCluster): Promise<void> {
  const made = (await readFile(join(cluster.directory, 'PG_VERSION'), 'utf8')).trim()
  const [have] = cluster.version.split('.')
  if (made === have) return
  throw new AppError(
    'postgres_version_mismatch',
    `Cannot open the database in "${cluster.directory}": it was made by PostgreSQL ${made}, and this is ${have}; use the release that made it to dump it, or start with an empty --data-dir`,
    { status: 500, expose: true },
  )
}

async function initialize(cluster: PostgresCluster): Promise<void> {
  const { directory, owner, password } = cluster
  const passwordFile = `${directory}.pw`
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (owner) {
    await chown(directory, owner.uid, owner.gid)
    await chown(passwordFile, owner.uid, owner.gid)
  }
  const access = ['-U', SUPERUSER, '-A', 'scram-sha-256', '--pwfile', passwordFile]
  const args = ['-D', directory, ...access, '-E', 'UTF8', '--locale=C', '--no-sync']
  try {
    await execFileAsync(join(cluster.binDir, 'initdb'), args, { ...owner, cwd: directory })
  } catch (cause) {
    throw new AppError(
      'postgres_start_failed',
      `Cannot make a database in "${directory}": ${(cause as { stderr?: string }).stderr?.trim() ?? ''}`, // execFile's
      { status: 500, expose: true, cause },
    )
  } finally {
    await rm(passwordFile, { force: true })
  }
  await writeFile(join(directory, INITIALIZED), '')
}
