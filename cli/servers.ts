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
const ATTEMPTS = 3

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
  for (let attempt = 1; ; attempt++) {
    const ports = await findPorts()
    try {
      const part = await keepTemporalRunning({ ...options, path, ports, api })
      return {
        address: `127.0.0.1:${ports.port}`,
        uiUrl: `http://127.0.0.1:${ports.uiPort}`,
        part,
      }
    } catch (error) {
      // Another one that starts at the same time may have taken a port that was free a moment ago.
      const isTaken = await areTaken(ports)
      if (attempt === ATTEMPTS || !isTaken || options.signal.aborted) throw error
    }
  }
}

type Ports = { readonly port: number; readonly uiPort: number }

async function findPorts(): Promise<Ports> {
  const port = await findFreePort(FIRST_TEMPORAL_PORT)
  return { port, uiPort: await findFreePort(FIRST_UI_PORT) }
}

async function areTaken({ port, uiPort }: Ports): Promise<boolean> {
  return (await findFreePort(port)) !== port || (await findFreePort(uiPort)) !== uiPort
}

type KeptTemporal = ServerOptions & {
  /** Of the Temporal CLI. */
  readonly path: string
  readonly ports: Ports
  readonly api: { readonly url: string }
}

async function keepTemporalRunning(options: KeptTemporal): Promise<KeptPart> {
  const { config, path, ports, api } = options
  return await keepRunning({
    name: 'the Temporal server',
    log: options.log,
    onGivenUp: options.onGivenUp,
    async start(stopping) {
      return await startEmbeddedTemporal({
        binary: path,
        directory: join(config.dataDir, 'temporal'),
        namespace: config.temporal.namespace,
        port: ports.port,
        ui: { port: ports.uiPort, codecEndpoint: `${api.url}/v1/codec` },
        signal: AbortSignal.any([options.signal, stopping]),
      })
    },
  })
}
