import type { Command } from 'commander'
import { createLogger } from '../config/log.ts'
import { assertIssuer } from './local-issuer.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  parsePort,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput, type Output } from './output.ts'
import { waitUntilReady } from './readiness.ts'
import type { RunFile } from './run-file.ts'
import { listenForStop, waitForAbort } from './stop-signal.ts'
import type { Supervisor, SupervisorOptions } from './supervisor.ts'

type Options = DataDirOption & JsonOption & { readonly port?: string }

/** Adds `up`: everything on this machine in one process tree, until SIGINT or SIGTERM. */
export function registerUpCommand(program: Command): void {
  const command = program
    .command('up')
    .description('PostgreSQL, Temporal with its UI, API and worker, in one process tree')
    .option('--port <port>', 'where the API listens (PORT, 8080; 0: any free port)', parsePort)
    .action(runUp)
  addJsonOption(addDataDirOption(command))
}

async function runUp(options: Options): Promise<void> {
  const config = loadCommandConfig({ PORT: options.port, DATA_DIR: options.dataDir })
  assertIssuer(config)
  const output = createOutput(options)
  const log = createLogger({ level: config.log.level, name: 'up', pretty: process.stderr.isTTY })
  const stopping = listenForStop()
  const supervisor = await startUnlessStopped({ config, log, output, stopping })
  if (!supervisor) return
  const over = new AbortController()
  const announced = announce(supervisor.run, { output, signal: over.signal })
  const failure = await Promise.race([supervisor.givenUp, waitForAbort(stopping)])
  over.abort()
  if (!failure) output.progress('Stopping')
  await Promise.all([supervisor.stop(), announced])
  if (failure) throw failure
}

type StartOptions = Pick<SupervisorOptions, 'config' | 'log'> & {
  readonly output: Output
  readonly stopping: AbortSignal
}

// Stopped while it starts: that is a clean stop too.
async function startUnlessStopped(options: StartOptions): Promise<Supervisor | undefined> {
  const { output, stopping, ...rest } = options
  const { startSupervisor } = await import('./supervisor.ts')
  try {
    return await startSupervisor({ ...rest, report: output.progress, signal: stopping })
  } catch (error) {
    if (stopping.aborted) return undefined
    throw error
  }
}

async function announce(
  run: RunFile,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  output.progress(`The API listens at ${run.apiUrl}`)
  if (!(await waitUntilReady(run.apiUrl, signal))) return
  const { databaseUrl: _secret, ...document } = run
  output.result({ ...document, docsUrl: `${run.apiUrl}/docs` }, () => {
    output.line('Registrar is ready')
    output.line(`  API          ${run.apiUrl}`)
    output.line(`  API docs     ${run.apiUrl}/docs`)
    if (run.temporalUiUrl !== null) output.line(`  Temporal UI  ${run.temporalUiUrl}`)
    output.line('Ctrl-C stops everything')
  })
}
