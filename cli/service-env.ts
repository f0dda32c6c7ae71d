import { isIPv6 } from 'node:net'
import type { Config } from '../config/config.ts'
import type { Env } from '../config/env.ts'

export type ServiceEnvOptions = {
  readonly config: Config
  /** Of the embedded server. */
  readonly databaseUrl: string | undefined
  /** The embedded server. */
  readonly temporal: { readonly address: string; readonly uiUrl: string | undefined } | undefined
}

const ANY_ADDRESS = new Set(['0.0.0.0', '::'])
const REMOTE_TEMPORAL = /^TEMPORAL_(API_KEY|TLS|GRPC_META)/

/** The environment of the API and the worker: the supervisor's, with what it decided put in as the documented variables. */
export function createServiceEnv(env: Env, options: ServiceEnvOptions): Env {
  const { config, databaseUrl, temporal } = options
  return {
    ...(temporal ? dropRemoteTemporal(env) : env),
    PORT: String(config.http.port),
    HOST: config.http.host,
    DATA_DIR: config.dataDir,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    ...(temporal && { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_UI_URL: temporal.uiUrl }),
  }
}

/** Where the API is reached from this machine. */
export function createApiUrl(http: { readonly host: string; readonly port: number }): string {
  const host = ANY_ADDRESS.has(http.host) ? '127.0.0.1' : http.host
  return `http://${isIPv6(host) ? `[${host}]` : host}:${http.port}`
}

// The embedded server speaks neither TLS nor API keys.
function dropRemoteTemporal(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !REMOTE_TEMPORAL.test(name)))
}
