import { spawn, type ChildProcess } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { listProcessesWithArgument } from '../../cli/embedded/processes.ts'
import { findRunFile, type RunFile } from '../../cli/run-file.ts'
import { waitUntil } from './polling.ts'

export type RegistrarProcess = {
  readonly pid: number
  readonly process: ChildProcess
  /** What it printed and how it ended, once it has. */
  readonly result: Promise<RegistrarResult>
}

export type RegistrarResult = {
  /** The exit code, or the signal that ended it. */
  readonly ended: number | NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type RunningRegistrar = RegistrarProcess & { readonly run: RunFile }

export type SpawnOptions = { readonly env?: Readonly<Record<string, string>> }

const MAIN =
  process.env['TEST_REGISTRAR_MAIN'] ??
  fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const START_TIMEOUT_MS = 150_000

/** Starts the built `registrar` with these arguments. */
export function spawnRegistrar(
  args: readonly string[],
  options: SpawnOptions = {},
): RegistrarProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, LOG_LEVEL: 'warn', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<RegistrarResult['ended']>((done) =>
    child.once('exit', (code, signal) => done(signal ?? code)),
  )
  return { pid: child.pid ?? 0, process: child, result: collect(child, ended) }
}

/** Starts `up` on a data directory and any free port; resolves when `/readyz` is 200. */
export async function startRegistrar(
  dataDir: string,
  options: SpawnOptions = {},
): Promise<RunningRegistrar> {
  const started = spawnRegistrar(['up', '--port', '0', '--data-dir', dataDir], options)
  const run = await waitForRun(started, dataDir)
  await waitUntilReady(run.apiUrl)
  return { ...started, run }
}

/** Resolves with `run.json` once this process has written it; throws with its words if it ends before. */
export async function waitForRun(started: RegistrarProcess, dataDir: string): Promise<RunFile> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline) {
    const run = await findRunFile(dataDir)
    if (run?.pid === started.pid) return run
    if (started.process.exitCode !== null) throw new Error((await started.result).stderr)
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('Cannot wait any longer for run.json')
}

/** Resolves when `/readyz` answers 200. */
export async function waitUntilReady(apiUrl: string): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const answer = await fetch(`${apiUrl}/readyz`).catch(() => undefined)
    return answer?.status === 200
  }
  await waitUntil('it is ready', isReady, { patienceMs: START_TIMEOUT_MS })
}

/** Ends it with SIGTERM and returns what it printed. */
export async function stopRegistrar(started: RegistrarProcess): Promise<RegistrarResult> {
  started.process.kill('SIGTERM')
  return await started.result
}

/** The live processes of a data directory's services and servers, by name. */
export async function listRegistrarProcesses(
  dataDir: string,
): Promise<Record<'services' | 'postgres' | 'temporal', number[]>> {
  const [services, postgres, temporal] = await Promise.all([
    listProcessesWithArgument(`--supervised=${dataDir}`),
    listProcessesWithArgument(`${dataDir}/postgres/cluster`),
    listProcessesWithArgument(`--db-filename=${dataDir}/temporal/temporal.db`),
  ])
  return { services, postgres, temporal }
}

async function collect(
  child: ChildProcess,
  ended: Promise<RegistrarResult['ended']>,
): Promise<RegistrarResult> {
  const [stdout, stderr, how] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
    ended,
  ])
  return { ended: how, stdout, stderr }
}
