import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createApp, type App } from './app.ts'
import { guardConnections, type ConnectionLimits } from './connections.ts'
import type { Route } from './guard.ts'
import { startHousekeeping } from './housekeeping.ts'
import { listen } from './listen.ts'
import { createApiResources } from './resources.ts'
import { createRoutes } from './routes.ts'

export type ApiServer = {
  readonly port: number
  /** Takes no more requests, lets those that run finish for some seconds, and lets go of everything. */
  readonly close: () => Promise<void>
}

export type ApiServerOptions = {
  readonly config: Config
  readonly log: Logger
  /** The product's own unless said. */
  readonly routes?: readonly Route[]
  /** The product's own where not said. */
  readonly limits?: Partial<ServerLimits>
}

export type ServerLimits = ConnectionLimits & {
  /** The whole head of a request has to be there by then. */
  readonly headMs: number
  /** A statement may run so long; with the time to connect, no request waits 10 s for PostgreSQL. */
  readonly statementMs: number
  /** How long `close` waits for requests that run. */
  readonly graceMs: number
}

const LIMITS: ServerLimits = {
  headMs: 30_000,
  idleMs: 30_000,
  drainMs: 2_000,
  statementMs: 8_000,
  graceMs: 5_000,
}
// A token may have 16 KiB, and is to be refused as a token when it has more.
const MAX_HEADER_BYTES = 64 * 1024
const KEEP_ALIVE_MS = 15_000
const CHECK_INTERVAL_MS = 1_000
const SWEEP_MS = 100
const LET_GO_MS = 500

/**
 * Starts the HTTP API. PostgreSQL, Temporal and token issuers may be away: `/readyz` names them and
 * requests get 503. Throws `invalid_configuration` and `address_in_use`.
 */
export async function startApi(options: ApiServerOptions): Promise<ApiServer> {
  const { config, log } = options
  const limits = { ...LIMITS, ...options.limits }
  const { context, beginStop, close } = await createApiResources({
    config,
    log,
    statementTimeoutMs: limits.statementMs,
  })
  const app = createApp({ context, routes: options.routes ?? createRoutes() })
  const handling = new Set<Promise<void>>()
  const server = createHttpServer(app, { limits, handling })
  guardConnections(server, { limits, methodsOf: app.methodsOf })
  try {
    await listen(server, config.http)
  } catch (error) {
    await close()
    throw error
  }
  const { port } = server.address() as AddressInfo // it listens on TCP
  log.info({ host: config.http.host, port }, 'API listens')
  const stopHousekeeping = startHousekeeping(context)
  return {
    port,
    async close() {
      beginStop()
      stopHousekeeping()
      await closeServer(server, limits.graceMs)
      await letGo(handling)
      await close()
    },
  }
}

type HttpServerOptions = {
  readonly limits: ServerLimits
  /** The requests that run: each is there until its handler has returned. */
  readonly handling: Set<Promise<void>>
}

function createHttpServer({ koa }: App, { limits, handling }: HttpServerOptions): Server {
  const handle = koa.callback()
  const options = {
    headersTimeout: limits.headMs,
    // An upload may take hours while it moves; `guardConnections` ends one that does not.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Refused by the app, as a problem.
    requireHostHeader: false,
  }
  return createServer(options, (request, response) => {
    // Koa catches what its middleware throws.
    const handled = handle(request, response).finally(() => handling.delete(handled))
    handling.add(handled)
  })
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  // Connections that finish their request meanwhile would wait for another one.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
  const patience = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(sweep)
  clearTimeout(patience)
}

// Requests whose connection was cut have something to put away, such as half an upload.
async function letGo(handling: ReadonlySet<Promise<void>>): Promise<void> {
  const isLate = delay(LET_GO_MS, undefined, { ref: false })
  await Promise.race([Promise.allSettled(handling), isLate])
}
