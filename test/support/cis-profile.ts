import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { findPythonPackages, type PythonPackages } from './python-packages.ts'

const HERE = fileURLToPath(new URL('cis-profile/', import.meta.url))

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
export async function findCisProfile(): Promise<PythonPackages> {
  return await findPythonPackages('cis-profile', join(HERE, 'requirements.txt'))
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
