import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { createLogger } from '../../config/log.ts'
import type { AppError } from '../../core/errors.ts'
import { findDataDirHolder } from '../data-dir-lock.ts'
import { findFreePort } from '../embedded/ports.ts'
import { loadCommandConfig } from '../options.ts'
import { waitUntilReady } from '../readiness.ts'
import { findRunFile, type RunFile } from '../run-file.ts'
import { startStandIns, type StandIns } from './stand-ins.ts'

/** The Registrar that the demo works on. */
export type DemoInstance = {
  readonly run: RunFile
  readonly config: Config
  /** False when it ran before the demo, and goes on after it. */
  readonly isOurs: boolean
  /** Its sinks; undefined where somebody else has chosen them. */
  readonly standIns: StandIns | undefined
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
// So would every attempt at the sink that the demo takes down.
const SERVICE_LOG_LEVEL = 'error'

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
  const standIns = undefined
  return { run, config, isOurs: false, standIns, givenUp: new Promise(() => {}), async stop() {} }
}

async function startInstance(options: InstanceOptions): Promise<DemoInstance> {
  const settings = await createSettings(options)
  const config = loadCommandConfig({ LOG_LEVEL, ...readEnv(), ...settings })
  const log = createLogger({ level: config.log.level, name: 'demo', pretty: process.stderr.isTTY })
  const { report, signal } = options
  // Every command loads this file, and only the demo needs what the supervisor loads.
  const { startSupervisor } = await import('../supervisor.ts')
  const standIns = await openStandIns(config)
  const given = readEnv()
  const env = { LOG_LEVEL: SERVICE_LOG_LEVEL, ...given, ...settings, ...standIns?.env }
  try {
    const { run, givenUp, stop } = await startSupervisor({ config, log, report, signal, env })
    return {
      run,
      config,
      isOurs: true,
      standIns,
      givenUp,
      async stop() {
        await stop()
        await standIns?.close()
      },
    }
  } catch (error) {
    await standIns?.close()
    throw error
  }
}

async function openStandIns({ dataDir, http }: Config): Promise<StandIns | undefined> {
  if (readEnv()['SINKS_FILE'] !== undefined) return undefined
  // Another demo may be starting there, and have its own.
  if ((await findDataDirHolder(dataDir)) !== undefined) return undefined
  const { allowPrivateTargets } = http
  const withSource = readEnv()['SOURCES_FILE'] === undefined
  return await startStandIns({
    directory: join(dataDir, 'demo'),
    allowPrivateTargets,
    withSource,
  })
}

// What the environment says goes before what suits a demo; a flag goes before both.
async function createSettings(options: InstanceOptions): Promise<Record<string, string>> {
  const env = readEnv()
  const { http, dataDir } = loadCommandConfig({ PORT: options.port, DATA_DIR: options.dataDir })
  const isPortGiven = (options.port ?? env['PORT']) !== undefined
  return {
    PORT: String(isPortGiven ? http.port : await findFreePort(http.port)),
    DATA_DIR: dataDir,
    ALLOW_PRIVATE_TARGETS: env['ALLOW_PRIVATE_TARGETS'] ?? 'true',
  }
}
