import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../core/errors.ts'

/** A Temporal CLI that runs on this machine. */
export type TemporalCli = { readonly path: string; readonly version: string }

const execFileAsync = promisify(execFile)
const TIMEOUT_MS = 20_000
const OLDEST = [1, 5] as const

/** Runs the program at `path` for its version; throws `temporal_cli_unusable` when it does not run or is older than 1.5. */
export async function probeTemporalCli(path: string): Promise<TemporalCli> {
  const version = await readVersion(path)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  if (isOld) throwUnusable(`"${path}" is version ${version}, older than ${OLDEST.join('.')}`)
  return { path, version }
}

/** The first executable of this name in a `PATH`. */
export async function findOnPath(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(delimiter).filter(Boolean)) {
    const path = join(directory, name)
    const isFound = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isFound) return path
  }
  return undefined
}

/** Throws the error of a program or download that cannot be used. */
export function throwUnusable(reason: string, cause?: unknown): never {
  throw new AppError('temporal_cli_unusable', reason, { status: 500, expose: true, cause })
}

async function readVersion(path: string): Promise<string> {
  const { stdout } = await execFileAsync(path, ['--version'], { timeout: TIMEOUT_MS }).catch(
    (error: unknown) => throwUnusable(`"${path}" does not run`, error),
  )
  const [, version] = /temporal version (\d+\.\d+\.\d+)/.exec(stdout) ?? []
  return version ?? throwUnusable(`"${path}" is not a Temporal CLI`)
}
