import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig'
import type { Env } from './env.ts'
import type { SettingsFault } from './settings.ts'

/** TLS, API key and gRPC metadata for the Temporal server, as the SDK's connections take them. */
export type TemporalConnectionConfig = Pick<
  ClientConnectConfig['connectionOptions'],
  'tls' | 'apiKey' | 'metadata'
>

export type TemporalConnectionResult = {
  readonly connection: TemporalConnectionConfig
  readonly faults: readonly SettingsFault[]
}

const PREFIX = 'TEMPORAL_'
const PAIRS = [
  ['TEMPORAL_TLS_CLIENT_CERT', 'TEMPORAL_TLS_CLIENT_KEY'],
  ['TEMPORAL_TLS_CLIENT_KEY', 'TEMPORAL_TLS_CLIENT_CERT'],
] as const

/**
 * Reads `TEMPORAL_TLS…`, `TEMPORAL_API_KEY` and `TEMPORAL_GRPC_META_…` by the names of Temporal's
 * environment configuration. The SDK's TOML file is left alone, so that one in somebody's home
 * does not point the service elsewhere.
 */
export function loadTemporalConnection(env: Env): TemporalConnectionResult {
  const faults = [...listPairFaults(env), ...listKeyFaults(env)]
  try {
    const { connectionOptions } = loadClientConnectConfig({
      disableFile: true,
      overrideEnvVars: pickTemporal(env),
    })
    const { tls, apiKey, metadata } = connectionOptions
    const connection = {
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    }
    return { connection, faults }
  } catch (error) {
    const message = `cannot be used: ${(error as Error).message}` // the SDK and fs throw Errors
    return { connection: {}, faults: [...faults, { variable: 'TEMPORAL_TLS', message }] }
  }
}

function pickTemporal(env: Env): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(PREFIX) && value !== undefined) picked[name] = value
  }
  return picked
}

// The SDK ignores a certificate without its key; that would connect without a client certificate.
function listPairFaults(env: Env): SettingsFault[] {
  return PAIRS.flatMap(([name, other]) => {
    const given = findGiven(env, name)
    if (given === undefined || findGiven(env, other) !== undefined) return []
    return [{ variable: given, message: `needs ${other}_PATH or ${other}_DATA as well` }]
  })
}

// It travels in a header (gRPC over HTTP/2, "ASCII-Value"); the message must not repeat it.
function listKeyFaults({ TEMPORAL_API_KEY: key = '' }: Env): SettingsFault[] {
  if (/^[\x20-\x7e]*$/.test(key)) return []
  const message = 'must be printable ASCII in one line'
  return [{ variable: 'TEMPORAL_API_KEY', message }]
}

function findGiven(env: Env, name: string): string | undefined {
  return [`${name}_PATH`, `${name}_DATA`].find((variable) => env[variable] !== undefined)
}
