import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findCacheDir, platform } from '../../cli/embedded/temporal-cache.ts'
import { readEnv } from '../../config/env.ts'

const execFileAsync = promisify(execFile)

/** A folder of Python packages, for PYTHONPATH; else why it cannot be had. */
export type PythonPackages = { readonly path: string } | { readonly missing: string }

/** Packages of PyPI as a requirements file pins them: cached, or installed with pip. */
export async function findPythonPackages(
  name: string,
  requirementsFile: string,
): Promise<PythonPackages> {
  const cacheDir = findCacheDir(readEnv())
  const directory = join(cacheDir, `partial-${randomUUID()}`)
  try {
    const version = await nameVersion(requirementsFile)
    const path = join(cacheDir, `${name}-${version}-${platform}`)
    if (await isThere(path)) return { path }
    await mkdir(directory, { recursive: true })
    await install(requirementsFile, directory)
    // Another process may have been first.
    await rename(directory, path).catch(async (error: unknown) => {
      if (!(await isThere(path))) throw error
    })
    return { path }
  } catch (error) {
    return { missing: `pip could not install ${name}: ${String(error).slice(0, 200)}` }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function nameVersion(requirementsFile: string): Promise<string> {
  const print = 'import sys; print("%d.%d" % sys.version_info[:2])'
  const { stdout } = await execFileAsync('python3', ['-c', print])
  const sum = createHash('sha256')
    .update(await readFile(requirementsFile))
    .digest('hex')
  return `${sum.slice(0, 8)}-python${stdout.trim()}`
}

async function install(requirementsFile: string, directory: string): Promise<void> {
  const quiet = ['--no-input', '--quiet', '--disable-pip-version-check']
  const args = ['-m', 'pip', 'install', ...quiet, '--target', directory, '-r', requirementsFile]
  await execFileAsync('python3', args, { timeout: 300_000 })
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
