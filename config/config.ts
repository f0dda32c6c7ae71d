import { join, resolve } from 'node:path'
import { AppError } from '../core/errors.ts'
import { defaultCompacts, type Compacts } from '../core/license/compacts.ts'
import type { KeyRingDocument } from '../crypto/key-ring.ts'
import type { BlobLocation } from './blob-url.ts'
import type { Env } from './env.ts'
import type { IssuerConfig } from './issuers.ts'
import type { SinkConfig, SourceConfig } from './profile-files.ts'
import { listSettingsFaults, parseSettings, type Settings, type SettingsFault } from './settings.ts'
import { loadTemporalConnection, type TemporalConnectionConfig } from './temporal-connection.ts'

export type BlobConfig =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3'
      readonly bucket: string
      readonly prefix: string
      readonly endpoint: string | undefined
      readonly region: string
      readonly pathStyle: boolean
      readonly accessKeyId: string
      readonly secretAccessKey: string
    }

export type VaultConfig = {
  readonly url: string
  readonly mount: string
  readonly auth:
    | { readonly kind: 'token'; readonly token: string }
    | { readonly kind: 'approle'; readonly roleId: string; readonly secretId: string }
}

export type Config = {
  readonly http: {
    readonly host: string
    /** 0: any free port. */
    readonly port: number
    /** 0: no limit. */
    readonly rateLimitPerSecond: number
    /** CIDRs whose `X-Forwarded-For` is believed. */
    readonly trustedProxies: readonly string[]
    readonly allowPrivateTargets: boolean
  }
  /** Absolute. */
  readonly dataDir: string
  /** Undefined: the embedded server. */
  readonly databaseUrl: string | undefined
  readonly temporal: {
    /** `host:port`; undefined: the embedded server. */
    readonly address: string | undefined
    readonly namespace: string
    readonly cliPath: string | undefined
    /** Where people see the workflows; its origin may call the codec endpoint. */
    readonly uiUrl: string | undefined
    readonly connection: TemporalConnectionConfig
  }
  readonly blob: BlobConfig
  /** Undefined: made in the data directory on first start. */
  readonly keyRing: KeyRingDocument | undefined
  /** Undefined: connectors' secrets are kept in the database. */
  readonly vault: VaultConfig | undefined
  /** Empty: the local issuer. */
  readonly issuers: readonly IssuerConfig[]
  /** What identity providers present to the token hooks; undefined: the hooks are off. */
  readonly tokenHookSecret: string | undefined
  readonly uploads: { readonly maxBytes: number; readonly formTtlSeconds: number }
  readonly profiles: {
    /** Unknown persons are answered as the reference answers: 200 and `{}`. */
    readonly legacyNotFound: boolean
  }
  readonly compacts: Compacts
  /** Undefined: a file in the data directory, made there; in production none. */
  readonly publishersFile: string | undefined
  /** Whether persons may be deleted by the change API. */
  readonly allowDelete: boolean
  /** How mail is sent; undefined: none is. */
  readonly mail: { readonly url: string; readonly from: string } | undefined
  /** Where callers reach the API, without a slash at the end. */
  readonly publicUrl: string
  /** What changes of profiles are propagated to; each kind judges its own settings. */
  readonly sinks: readonly SinkConfig[]
  /** What persons are pulled from; each kind judges its own settings. */
  readonly sources: readonly SourceConfig[]
  readonly rosters: {
    /** Between the runs of a provider that says nothing else. */
    readonly syncIntervalSeconds: number
    /** Attempts of a call in all; waits for a rate limit are none. */
    readonly maxRetryAttempts: number
    /** Of writes to a target. */
    readonly batchSize: number
    /** Where providers write that name no target; it may be a private address. */
    readonly target: { readonly baseUrl: string; readonly token: string } | undefined
  }
  readonly log: { readonly level: string }
  readonly otlpEndpoint: string | undefined
  readonly production: boolean
}

/** Turns the environment into settings; throws `invalid_configuration` with every fault in `details.faults`. */
export function loadConfig(env: Env): Config {
  const given = dropEmpty(env)
  const settings = parseSettings(given)
  const temporal = loadTemporalConnection(given)
  const faults = [...settings.faults, ...listSettingsFaults(given), ...temporal.faults]
  if (!settings.values || faults.length > 0) throwInvalid(faults)
  return toConfig(settings.values, { connection: temporal.connection, env: given })
}

// Compose files and CI set variables to nothing where they mean "not set".
function dropEmpty(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
}

function throwInvalid(faults: readonly SettingsFault[]): never {
  const lines = faults.map((fault) => `  ${fault.variable}: ${fault.message}`)
  throw new AppError(
    'invalid_configuration',
    `Cannot start with these settings:\n${lines.join('\n')}`,
    { status: 500, expose: true, details: { faults } },
  )
}

type ConfigParts = { readonly connection: TemporalConnectionConfig; readonly env: Env }

function toConfig(settings: Settings, { connection, env }: ConfigParts): Config {
  const dataDir = resolve(settings.DATA_DIR)
  return {
    http: {
      host: settings.HOST,
      port: settings.PORT,
      rateLimitPerSecond: settings.RATE_LIMIT_PER_SECOND,
      trustedProxies: settings.TRUSTED_PROXIES,
      allowPrivateTargets: settings.ALLOW_PRIVATE_TARGETS,
    },
    dataDir,
    databaseUrl: settings.DATABASE_URL ?? settings.DATABASE_URL_FILE,
    temporal: {
      address: settings.TEMPORAL_ADDRESS,
      namespace: settings.TEMPORAL_NAMESPACE,
      cliPath: settings.TEMPORAL_CLI_PATH,
      uiUrl: settings.TEMPORAL_UI_URL,
      connection,
    },
    blob: toBlob(settings, dataDir),
    keyRing: settings.KEY_RING ?? settings.KEY_RING_FILE,
    vault: toVault(settings),
    issuers: settings.AUTH_ISSUERS ?? settings.AUTH_ISSUERS_FILE ?? [],
    tokenHookSecret: settings.TOKEN_HOOK_SECRET,
    uploads: {
      maxBytes: settings.MAX_UPLOAD_BYTES,
      formTtlSeconds: settings.UPLOAD_FORM_TTL_SECONDS,
    },
    profiles: { legacyNotFound: settings.LEGACY_NOT_FOUND },
    compacts: settings.COMPACTS_FILE ?? defaultCompacts,
    publishersFile: env['PUBLISHERS_FILE'],
    allowDelete: settings.ALLOW_DELETE,
    mail: toMail(settings),
    publicUrl: (settings.PUBLIC_URL ?? toOwnUrl(settings)).replace(/\/+$/, ''),
    sinks: settings.SINKS_FILE ?? [],
    sources: settings.SOURCES_FILE ?? [],
    rosters: {
      syncIntervalSeconds: settings.DEFAULT_SYNC_INTERVAL,
      maxRetryAttempts: settings.MAX_RETRY_ATTEMPTS,
      batchSize: settings.BATCH_SIZE,
      target: toTarget(settings),
    },
    log: { level: settings.LOG_LEVEL },
    otlpEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    production: settings.NODE_ENV === 'production',
  }
}

function toVault(settings: Settings): VaultConfig | undefined {
  const { VAULT_URL: vaultUrl, VAULT_MOUNT: mount, VAULT_TOKEN: token } = settings
  if (vaultUrl === undefined) return undefined
  const { VAULT_ROLE_ID: roleId = '', VAULT_SECRET_ID: secretId = '' } = settings
  const auth =
    token === undefined
      ? ({ kind: 'approle', roleId, secretId } as const)
      : ({ kind: 'token', token } as const)
  return { url: vaultUrl, mount, auth }
}

function toMail({ SMTP_URL: mailUrl, SMTP_FROM: from }: Settings): Config['mail'] {
  return mailUrl === undefined || from === undefined ? undefined : { url: mailUrl, from }
}

function toTarget(settings: Settings): Config['rosters']['target'] {
  const { TENANT_SERVICE_URL: baseUrl, TENANT_SERVICE_TOKEN: token } = settings
  return baseUrl === undefined || token === undefined ? undefined : { baseUrl, token }
}

function toOwnUrl({ HOST: host, PORT: port }: Settings): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function toBlob(settings: Settings, dataDir: string): BlobConfig {
  const location: BlobLocation = settings.BLOB_URL ?? {
    kind: 'file',
    directory: join(dataDir, 'blobs'),
  }
  if (location.kind === 'file') return location
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } =
    settings
  return { ...location, accessKeyId, secretAccessKey }
}
