import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Logger } from '../config/log.ts'
import type { AppError } from '../core/errors.ts'
import { findFreePort } from './embedded/ports.ts'
import { startEmbeddedPostgres } from './embedded/postgres.ts'
import { startEmbeddedTemporal } from './embedded/temporal.ts'
import { resolveTemporalCli } from './embedded/temporal-resolver.ts'
import { keepRunning, type KeptPart } from './keep-running.ts'
import { waitForDatabase } from './outside-database.ts'

export type ServerOptions = {
  readonly config: Config
  readonly log: Logger
  /** Told what goes on, for people. */
  readonly report: (line: string) => void
  readonly onGivenUp: (error: AppError) => void
  readonly signal: AbortSignal
}

export type DatabaseServer = { readonly url: string; readonly part: KeptPart | undefined }

export type TemporalServer = {
  readonly address: string
  readonly uiUrl: string | undefined
  readonly part: KeptPart | undefined
}

const FIRST_TEMPORAL_PORT = 7233
const FIRST_UI_PORT = 8233

/** The configured PostgreSQL once it answers, else the embedded one, kept running. */
export async function openDatabaseServer(options: ServerOptions): Promise<DatabaseServer> {
  const { config, signal } = options
  if (config.databaseUrl !== undefined) {
    await waitForDatabase(config.databaseUrl, { signal })
    return { url: config.databaseUrl, part: undefined }
  }
  const directory = join(config.dataDir, 'postgres')
  const port = await findFreePort()
  let url = ''
  const part = await keepRunning({
    name: 'PostgreSQL',
    log: options.log,
    onGivenUp: options.onGivenUp,
    async start(stopping) {
      const server = await startEmbeddedPostgres({
        directory,
        port,
        signal: AbortSignal.any([signal, stopping]),
      })
      url = server.url
      return server
    },
  })
  return { url, part }
}

/** The configured Temporal server, reached or not, else the embedded one, kept running. */
export async function openTemporalServer(
  options: ServerOptions,
  api: { readonly url: string },
): Promise<TemporalServer> {
  const { config } = options
  const { address, uiUrl } = config.temporal
  if (address !== undefined) return { address, uiUrl, part: undefined }
  const { path } = await resolveTemporalCli({
    cliPath: config.temporal.cliPath,
    report: options.report,
    signal: options.signal,
  })
  const port = await findFreePort(FIRST_TEMPORAL_PORT)
  const uiPort = await findFreePort(FIRST_UI_PORT)
  const part = await keepRunning({
    name: 'the Temporal server',
    log: options.log,
    onGivenUp: options.onGivenUp,
    async start(stopping) {
      const server = await startEmbeddedTemporal({
        binary: path,
        directory: join(config.dataDir, 'temporal'),
        namespace: config.temporal.namespace,
        port,
        ui: { port: uiPort, codecEndpoint: `${api.url}/v1/codec` },
        signal: AbortSignal.any([options.signal, stopping]),
      })
      return server
    },
  })
  return {
    address: `127.0.0.1:${port}`,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    part,
  }
}
