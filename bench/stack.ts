import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { registerEnd } from './endings.ts'

/** A whole Registrar, started by `registrar up` on a data directory of its own. */
export type Stack = {
  readonly apiUrl: string
  readonly databaseUrl: string
  readonly temporalAddress: string
  readonly dataDir: string
  /** A token of the local issuer. */
  readonly token: (scope: string, claims?: StackClaims) => Promise<string>
  readonly stop: () => Promise<void>
}

/** What a token says beside its scope. */
export type StackClaims = { readonly subject?: string; readonly publisher?: string }

const START_TIMEOUT_MS = 120_000
const execFileAsync = promisify(execFile)
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))

/** Starts `registrar up` from the built tree and resolves when `/readyz` is 200. */
export async function startStack(env: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'registrar-bench-'))
  const options = { ...inheritedEnv(), LOG_LEVEL: 'warn', RATE_LIMIT_PER_SECOND: '0', ...env }
  const up = spawn(process.execPath, [main, 'up', '--port', '0', '--data-dir', dataDir], {
    env: options,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const stop = registerEnd(async () => {
    await stopProcess(up)
    await rm(dataDir, { recursive: true, force: true })
  })
  const run = await waitUntilReady(up, dataDir)
  return {
    ...run,
    dataDir,
    async token(scope, { subject = 'bench', publisher } = {}) {
      const args = [main, 'token', '--subject', subject, '--scope', scope]
      if (publisher !== undefined) args.push('--publisher', publisher)
      const { stdout } = await execFileAsync(process.execPath, args, {
        env: { ...options, DATA_DIR: dataDir },
      })
      return stdout.trim()
    },
    stop,
  }
}

/** Ends a child with SIGTERM and resolves when it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await gone
}

type RunFile = Pick<Stack, 'apiUrl' | 'databaseUrl' | 'temporalAddress'>

async function waitUntilReady(up: ChildProcess, dataDir: string): Promise<RunFile> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline && up.exitCode === null) {
    const run = await readFile(join(dataDir, 'run.json'), 'utf8').catch(() => undefined)
    if (run !== undefined) {
      const file = JSON.parse(run) as RunFile // written by `up` a moment ago
      const answer = await fetch(`${file.apiUrl}/readyz`).catch(() => undefined)
      if (answer?.ok) return file
    }
    await delay(50)
  }
  await stopProcess(up)
  throw new Error('Cannot start the stack: see the lines above')
}

function inheritedEnv(): NodeJS.ProcessEnv {
  // oxlint-disable-next-line node/no-process-env -- what a child process inherits
  return process.env
}
