import type { Config } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { createLogger } from '../../config/log.ts'
import type { AppError } from '../../core/errors.ts'
import { findDataDirHolder } from '../data-dir-lock.ts'
import { findFreePort } from '../embedded/ports.ts'
import { loadCommandConfig } from '../options.ts'
import { waitUntilReady } from '../readiness.ts'
import { findRunFile, type RunFile } from '../run-file.ts'

/** The Registrar that the demo works on. */
export type DemoInstance = {
  readonly run: RunFile
  readonly config: Config
  /** False when it ran before the demo, and goes on after it. */
  readonly isOurs: boolean
  /** Resolves with the reason when a part cannot be kept running. */
  readonly givenUp: Promise<AppError>
  readonly stop: () => Promise<void>
}

export type InstanceOptions = {
  readonly port: string | undefined
  readonly dataDir: string | undefined
  /** Told what goes on, for people. */
  readonly report: (line: string) => void
  readonly signal: AbortSignal
}

// What is said of every request would hide what the demo shows.
const LOG_LEVEL = 'warn'

/** Joins the Registrar that runs on the data directory, or starts one; resolves when it is ready. */
export async function openInstance(options: InstanceOptions): Promise<DemoInstance> {
  const config = loadCommandConfig({ PORT: options.port, DATA_DIR: options.dataDir })
  const running = await findRunning(config)
  const instance = running ?? (await startInstance(options))
  if (running) options.report(`Using the Registrar that runs already (pid ${running.run.pid})`)
  await waitUntilReady(instance.run.apiUrl, options.signal)
  return instance
}

async function findRunning(config: Config): Promise<DemoInstance | undefined> {
  const holder = await findDataDirHolder(config.dataDir)
  const run = holder === undefined ? undefined : await findRunFile(config.dataDir)
  if (!run || run.pid !== holder) return undefined
  return { run, config, isOurs: false, givenUp: new Promise(() => {}), stop: async () => {} }
}

async function startInstance(options: InstanceOptions): Promise<DemoInstance> {
  const settings = await createSettings(options)
  const config = loadCommandConfig(settings)
  const log = createLogger({ level: config.log.level, name: 'demo', pretty: process.stderr.isTTY })
  const { report, signal } = options
  const env = { ...readEnv(), ...settings }
  // Every command loads this file, and only the demo needs what the supervisor loads.
  const { startSupervisor } = await import('../supervisor.ts')
  const supervisor = await startSupervisor({ config, log, report, signal, env })
  return { config, isOurs: true, ...supervisor }
}

// What the environment says goes before what suits a demo; a flag goes before both.
async function createSettings(options: InstanceOptions): Promise<Record<string, string>> {
  const env = readEnv()
  const { http, dataDir } = loadCommandConfig({ PORT: options.port, DATA_DIR: options.dataDir })
  const isPortGiven = (options.port ?? env['PORT']) !== undefined
  return {
    PORT: String(isPortGiven ? http.port : await findFreePort(http.port)),
    DATA_DIR: dataDir,
    LOG_LEVEL: env['LOG_LEVEL'] ?? LOG_LEVEL,
    ALLOW_PRIVATE_TARGETS: env['ALLOW_PRIVATE_TARGETS'] ?? 'true',
  }
}
