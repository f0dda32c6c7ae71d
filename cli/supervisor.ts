import { once } from 'node:events'
import { mkdir, realpath } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { readEnv, type Env } from '../config/env.ts'
import type { Logger } from '../config/log.ts'
import { AppError } from '../core/errors.ts'
import { migrate } from '../db/migrate.ts'
import { lockDataDir, type DataDirLock } from './data-dir-lock.ts'
import { findFreePort } from './embedded/ports.ts'
import { keepRunning, type KeptPart, type RunningPart } from './keep-running.ts'
import { removeRunFile, writeRunFile, type RunFile } from './run-file.ts'
import {
  openDatabaseServer,
  openTemporalServer,
  type DatabaseServer,
  type ServerOptions,
  type TemporalServer,
} from './servers.ts'
import { createApiUrl, createServiceEnv } from './service-env.ts'
import { startServiceProcess, stopLeftOverServices } from './supervised-service.ts'

export type SupervisorOptions = {
  readonly config: Config
  readonly log: Logger
  /** Told what goes on, for people. */
  readonly report: (line: string) => void
  /** Aborted: the start is given up, and what has started already is stopped. */
  readonly signal: AbortSignal
  /** What the API and the worker inherit; this process's own unless given. */
  readonly env?: Env
}

export type Supervisor = {
  readonly run: RunFile
  /** Resolves with the reason when a part cannot be kept running. */
  readonly givenUp: Promise<AppError>
  /** Stops everything, services before servers; resolves when no process is left. */
  readonly stop: () => Promise<void>
}

type Running = {
  readonly dataDir: string
  readonly lock: DataDirLock
  readonly servers: KeptPart[]
  readonly services: KeptPart[]
}

type Servers = { readonly database: DatabaseServer; readonly temporal: TemporalServer }

const DIRECTORY_MODE = 0o711

/**
 * Starts everything on this machine: PostgreSQL and Temporal unless they are configured, migrations,
 * the API and a worker as child processes; resolves when the API listens. What a killed supervisor
 * left running on the same data is stopped first. Throws with the reason, and then nothing runs.
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  await checkConnectors(options)
  const config = await prepareConfig(options.config)
  const { dataDir } = config
  const running: Running = {
    dataDir,
    lock: await lockDataDir(dataDir),
    servers: [],
    services: [],
  }
  const givenUp = createSettable<AppError>()
  listenForCrash(givenUp.set)
  try {
    const run = await Promise.race([
      startParts({ ...options, config, onGivenUp: givenUp.set }, running),
      givenUp.promise.then(throwReason),
    ])
    return {
      run,
      givenUp: givenUp.promise,
      stop: async () => await stopAll(running),
    }
  } catch (error) {
    await stopAll(running)
    throw error
  }
}

// Loaded only where there are any: what they stand on takes time.
async function checkConnectors({ config, env = readEnv() }: SupervisorOptions): Promise<void> {
  if (config.sinks.length + config.sources.length === 0) return
  const { assertConnectorSettings } = await import('./connector-settings.ts')
  await assertConnectorSettings(config, env)
}

type StartOptions = SupervisorOptions & ServerOptions

async function startParts(options: StartOptions, running: Running): Promise<RunFile> {
  const { config } = options
  await removeRunFile(config.dataDir)
  await stopLeftOverServices(config.dataDir)
  const apiUrl = createApiUrl(config.http)
  const servers = await openServers(options, { apiUrl, kept: running.servers })
  options.signal.throwIfAborted()
  options.report('Database: bringing it up to date')
  await Promise.race([migrate(servers.database.url), failWhenAborted(options.signal)])
  await startServices(options, { servers, kept: running.services })
  const run: RunFile = {
    pid: process.pid,
    apiUrl,
    temporalAddress: servers.temporal.address,
    temporalNamespace: config.temporal.namespace,
    temporalUiUrl: servers.temporal.uiUrl ?? null,
    databaseUrl: servers.database.url,
  }
  await writeRunFile(config.dataDir, run)
  return run
}

// Processes are known by their data directory later, and the API's address goes to others: both are settled here.
async function prepareConfig(config: Config): Promise<Config> {
  await mkdir(config.dataDir, { recursive: true, mode: DIRECTORY_MODE })
  const port = config.http.port === 0 ? await findFreePort() : config.http.port
  return { ...config, dataDir: await realpath(config.dataDir), http: { ...config.http, port } }
}

async function openServers(
  options: ServerOptions,
  { apiUrl, kept }: { readonly apiUrl: string; readonly kept: KeptPart[] },
): Promise<Servers> {
  // Both are waited for, so that what did start can be stopped.
  const [database, temporal] = await Promise.allSettled([
    openDatabaseServer(options),
    openTemporalServer(options, { url: apiUrl }),
  ])
  for (const result of [database, temporal]) {
    if (result.status === 'fulfilled' && result.value.part) kept.push(result.value.part)
  }
  if (database.status === 'rejected') throw database.reason
  if (temporal.status === 'rejected') throw temporal.reason
  return { database: database.value, temporal: temporal.value }
}

async function startServices(
  options: StartOptions,
  { servers, kept }: { readonly servers: Servers; readonly kept: KeptPart[] },
): Promise<void> {
  const { config, log, onGivenUp } = options
  const env = createServiceEnv(options.env ?? readEnv(), {
    config,
    databaseUrl: servers.database.part && servers.database.url,
    temporal: servers.temporal.part && servers.temporal,
  })
  for (const command of ['worker', 'api'] as const) {
    const name = command === 'api' ? 'the API' : 'the worker'
    const start = async (stopping: AbortSignal): Promise<RunningPart> =>
      await startServiceProcess({
        command,
        dataDir: config.dataDir,
        env,
        waitUntilReady: command === 'api',
        signal: AbortSignal.any([options.signal, stopping]),
      })
    kept.push(await keepRunning({ name, log, onGivenUp, start }))
    options.signal.throwIfAborted()
  }
}

async function failWhenAborted(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  throw signal.reason
}

async function stopAll(running: Running): Promise<void> {
  const stopParts = async (parts: readonly KeptPart[]): Promise<void> => {
    await Promise.all(parts.map(async (part) => await part.stop()))
  }
  await stopParts(running.services)
  await removeRunFile(running.dataDir)
  await stopParts(running.servers)
  await running.lock.release()
}

// A fault of ours must not leave the servers running alone.
function listenForCrash(onCrash: (error: AppError) => void): void {
  const report = (cause: unknown): void => {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    const message = `Cannot go on after an unexpected error: ${reason}`
    onCrash(new AppError('unexpected_error', message, { status: 500, cause }))
  }
  process.on('uncaughtException', report)
  process.on('unhandledRejection', report)
}

function throwReason(error: AppError): never {
  throw error
}

function createSettable<T>(): { readonly promise: Promise<T>; readonly set: (value: T) => void } {
  let set: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    set = done
  })
  return { promise, set }
}
