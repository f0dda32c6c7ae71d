import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Route } from '../../api/guard.ts'
import { createRoutes } from '../../api/routes.ts'
import { startApi, type ServerLimits } from '../../api/server.ts'
import { loadConfig, type Config } from '../../config/config.ts'
import { createKeyRing, generateKeyRingDocument, type KeyRing } from '../../crypto/key-ring.ts'
import { signLocalToken, type LocalTokenClaims } from '../../crypto/token.ts'
import type { Database } from '../../db/client.ts'
import { createTestDatabase } from './database.ts'
import { waitUntil } from './polling.ts'

export type TestApi = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  readonly port: number
  readonly db: Database
  readonly config: Config
  readonly ring: KeyRing
  /** What the API logged, line by line. */
  readonly logLines: readonly string[]
  /** Resolves once the API has logged a line with this text. */
  readonly waitForLog: (text: string) => Promise<void>
  /** A token of the local issuer. */
  readonly token: (scope?: string, claims?: Partial<LocalTokenClaims>) => Promise<string>
  /** `fetch` below `url`, with a token of this scope unless `init` brings its own headers. */
  readonly call: (path: string, init?: CallInit) => Promise<Response>
  /** Stops the API; fails the file when a connection is left open. */
  readonly close: () => Promise<void>
}

export type CallInit = RequestInit & {
  /** Scopes of the token; none is sent when absent. */
  readonly scope?: string
  /** Sent as JSON. */
  readonly json?: unknown
}

export type TestApiOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** Served beside the product's. */
  readonly routes?: readonly Route[]
  readonly limits?: Partial<ServerLimits>
  /** Puts something between the API and PostgreSQL. */
  readonly rewriteDatabaseUrl?: (url: string) => string
}

/** Starts the real API on a free port over a database and a data directory of its own. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'registrar-api-'))
  const keys = generateKeyRingDocument()
  const config = loadConfig({
    PORT: '0',
    DATA_DIR: dataDir,
    DATABASE_URL: options.rewriteDatabaseUrl?.(database.url) ?? database.url,
    KEY_RING: JSON.stringify(keys),
    RATE_LIMIT_PER_SECOND: '0',
    ...options.env,
  })
  const logLines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logLines.push(line) })
  const api = await startApi({
    config,
    log,
    routes: [...createRoutes(), ...(options.routes ?? [])],
    limits: options.limits ?? {},
  })
  const ring = createKeyRing(keys)
  const url = `http://127.0.0.1:${api.port}`
  const token: TestApi['token'] = async (scope = '', claims = {}) =>
    await signLocalToken(ring, { subject: 'test-client', scope, ttlSeconds: 300, ...claims })
  return {
    url,
    port: api.port,
    db: database.db,
    config,
    ring,
    logLines,
    waitForLog: async (text) => {
      const isLogged = (): boolean => logLines.some((line) => line.includes(text))
      await waitUntil(`"${text}" is logged`, async () => await Promise.resolve(isLogged()))
    },
    token,
    call: async (path, init = {}) => await fetch(`${url}${path}`, await toRequest(init, token)),
    async close() {
      await api.close()
      await rm(dataDir, { recursive: true, force: true })
      await database.close()
    },
  }
}

async function toRequest(init: CallInit, token: TestApi['token']): Promise<RequestInit> {
  const { scope, json, ...rest } = init
  const headers = new Headers(rest.headers)
  if (scope !== undefined) headers.set('authorization', `Bearer ${await token(scope)}`)
  if (json === undefined) return { ...rest, headers }
  headers.set('content-type', 'application/json')
  return { ...rest, headers, body: JSON.stringify(json) }
}
