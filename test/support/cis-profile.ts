import { execFile, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findCacheDir, platform } from '../../cli/embedded/temporal-cache.ts'
import { readEnv } from '../../config/env.ts'

const HERE = fileURLToPath(new URL('cis-profile/', import.meta.url))
const REQUIREMENTS = join(HERE, 'requirements.txt')

const execFileAsync = promisify(execFile)

/** A folder of Python packages with Mozilla's `cis_profile` among them. */
export type CisProfileLibrary = { readonly path: string } | { readonly missing: string }

export type CisTask = {
  readonly discoveryUrl: string
  /** By publisher; of readers by their scopes, and `everything`. */
  readonly tokens: Readonly<Record<string, string>>
  /** Scopes of each token that reads through a filter. */
  readonly readers: readonly (readonly string[])[]
  /** One made-up person each. */
  readonly seeds: readonly number[]
}

/** `cis_profile` as PyPI has it: cached, or installed with pip; else why it cannot be had. */
export async function findCisProfile(): Promise<CisProfileLibrary> {
  const cacheDir = findCacheDir(readEnv())
  const directory = join(cacheDir, `partial-${randomUUID()}`)
  try {
    const path = join(cacheDir, `cis-profile-${await nameVersion()}-${platform}`)
    if (await isThere(path)) return { path }
    await mkdir(directory, { recursive: true })
    await install(directory)
    await rename(directory, path)
    return { path }
  } catch (error) {
    return { missing: `pip could not install cis_profile: ${String(error).slice(0, 200)}` }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Runs the client that is made of `cis_profile` and returns what it reports. */
export async function runCisClient(
  libraryPath: string,
  { publishersFile, ...task }: CisTask & { readonly publishersFile: string },
): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-cis-'))
  const child = spawn('python3', ['-s', join(HERE, 'client.py')], {
    env: {
      ...process.env,
      PYTHONPATH: `${HERE}:${libraryPath}`,
      PYTHONDONTWRITEBYTECODE: '1',
      CIS_DISCOVERY_URL: task.discoveryUrl,
      CIS_PUBLISHERS_FILE: publishersFile,
      NO_PROXY: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(JSON.stringify({ ...task, cache: join(directory, 'cache') }))
  try {
    const [report, words] = await Promise.allSettled([json(child.stdout), text(child.stderr)])
    if (report.status === 'fulfilled') return report.value
    throw new Error(words.status === 'fulfilled' ? words.value : 'Cannot run the client')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function nameVersion(): Promise<string> {
  const print = 'import sys; print("%d.%d" % sys.version_info[:2])'
  const { stdout } = await execFileAsync('python3', ['-c', print])
  const sum = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
  return `${sum.slice(0, 8)}-python${stdout.trim()}`
}

async function install(directory: string): Promise<void> {
  const quiet = ['--no-input', '--quiet', '--disable-pip-version-check']
  const args = ['-m', 'pip', 'install', ...quiet, '--target', directory, '-r', REQUIREMENTS]
  await execFileAsync('python3', args, { timeout: 300_000 })
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
