import { z } from 'zod'
import { listCompactFaults, parseCompacts } from '../core/license/compacts.ts'
import { listKeyRingFaults, type KeyRingDocument } from '../crypto/key-ring.ts'
import { listPublishersFaults } from '../crypto/publishers.ts'
import { blobUrl } from './blob-url.ts'
import type { Env } from './env.ts'
import { issuerList } from './issuers.ts'
import { sinkList, sourceList } from './profile-files.ts'
import {
  address,
  cidrList,
  directory,
  executableFile,
  flag,
  host,
  integer,
  jsonFile,
  jsonText,
  judgedBy,
  mailAddress,
  textFile,
  url,
} from './values.ts'

/** One thing wrong with one variable; the message never holds a secret. */
export type SettingsFault = { readonly variable: string; readonly message: string }

export type Settings = z.output<typeof settings>

const MAX_PORT = 65_535
const TERABYTE = 2 ** 40
const WEEK_SECONDS = 604_800
const YEAR_SECONDS = 31_536_000

const text = z.string()
const postgresUrl = url('postgres', 'postgresql')
const keyRing = judgedBy<KeyRingDocument>(listKeyRingFaults)

const settings = z.object({
  PORT: integer(0, MAX_PORT).prefault('8080'),
  HOST: host.default('127.0.0.1'),
  DATA_DIR: directory.default('.data'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_URL_FILE: textFile.pipe(postgresUrl).optional(),
  TEMPORAL_ADDRESS: address.optional(),
  TEMPORAL_NAMESPACE: text
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, 'must be 2 to 255 of A–Z a–z 0–9 . _ -')
    .default('default'),
  TEMPORAL_TLS: flag.optional(),
  TEMPORAL_CLI_PATH: executableFile.optional(),
  TEMPORAL_UI_URL: url('http', 'https').optional(),
  BLOB_URL: blobUrl.optional(),
  AWS_ACCESS_KEY_ID: text.optional(),
  AWS_SECRET_ACCESS_KEY: text.optional(),
  KEY_RING: jsonText.pipe(keyRing).optional(),
  KEY_RING_FILE: jsonFile.pipe(keyRing).optional(),
  VAULT_URL: url('http', 'https').optional(),
  VAULT_TOKEN: text.optional(),
  VAULT_ROLE_ID: text.optional(),
  VAULT_SECRET_ID: text.optional(),
  VAULT_MOUNT: text
    .regex(/^[\w.-]+(\/[\w.-]+)*$/, 'must be a path such as secret')
    .default('secret'),
  AUTH_ISSUERS: jsonText.pipe(issuerList).optional(),
  AUTH_ISSUERS_FILE: jsonFile.pipe(issuerList).optional(),
  MAX_UPLOAD_BYTES: integer(1, TERABYTE).prefault('1073741824'),
  UPLOAD_FORM_TTL_SECONDS: integer(1, WEEK_SECONDS).prefault('3600'),
  TOKEN_HOOK_SECRET: text.min(8, 'must have at least 8 characters').optional(),
  PUBLISHERS_FILE: jsonFile.pipe(judgedBy<unknown>(listPublishersFaults)).optional(),
  SINKS_FILE: jsonFile.pipe(sinkList).optional(),
  SOURCES_FILE: jsonFile.pipe(sourceList).optional(),
  COMPACTS_FILE: jsonFile
    .pipe(judgedBy<unknown>(listCompactFaults))
    .transform(parseCompacts)
    .optional(),
  ALLOW_PRIVATE_TARGETS: flag.default(false),
  RATE_LIMIT_PER_SECOND: integer(0, 1_000_000).prefault('100'),
  TRUSTED_PROXIES: cidrList.default([]),
  SMTP_URL: url('smtp', 'smtps').optional(),
  SMTP_FROM: mailAddress.optional(),
  PUBLIC_URL: url('http', 'https').optional(),
  ALLOW_DELETE: flag.default(false),
  LEGACY_NOT_FOUND: flag.default(false),
  DEFAULT_SYNC_INTERVAL: integer(1, YEAR_SECONDS).prefault('3600'),
  MAX_RETRY_ATTEMPTS: integer(0, 1_000).prefault('3'),
  BATCH_SIZE: integer(1, 10_000).prefault('100'),
  TENANT_SERVICE_URL: url('http', 'https').optional(),
  TENANT_SERVICE_TOKEN: text.optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be one of trace, debug, info, warn, error, fatal, silent',
    })
    .default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  NODE_ENV: text.optional(),
  REGISTRAR_API: url('http', 'https').optional(),
  REGISTRAR_TOKEN: text.optional(),
})

/** The names of all variables that are read here; the Temporal SDK reads some more of its own. */
export const settingNames: readonly string[] = Object.keys(settings.shape)

// Values of these stay out of messages and logs.
const SECRET =
  /^(DATABASE_URL|KEY_RING|TOKEN_HOOK_SECRET|AUTH_ISSUERS|REGISTRAR_TOKEN|TENANT_SERVICE_TOKEN|AWS_.*|VAULT_.*|BLOB_URL|SMTP_URL)$/

const EXCLUSIVE = [
  ['DATABASE_URL', 'DATABASE_URL_FILE'],
  ['KEY_RING', 'KEY_RING_FILE'],
  ['AUTH_ISSUERS', 'AUTH_ISSUERS_FILE'],
  ['VAULT_TOKEN', 'VAULT_ROLE_ID'],
] as const

/** Reads every variable of the table; `values` is absent when there is a fault. */
export function parseSettings(env: Env): {
  readonly values?: Settings
  readonly faults: readonly SettingsFault[]
} {
  const parsed = settings.safeParse(env)
  if (parsed.success) return { values: parsed.data, faults: [] }
  return { faults: parsed.error.issues.map((issue) => describeIssue(issue, env)) }
}

/** Lists what is wrong between variables, and names that start with `REGISTRAR_` but mean nothing. */
export function listSettingsFaults(env: Env): SettingsFault[] {
  return [...listUnknown(env), ...listConflicts(env), ...listMissing(env)]
}

function describeIssue(issue: z.core.$ZodIssue, env: Env): SettingsFault {
  const [variable = '', ...rest] = issue.path.map(String)
  const value = env[variable] ?? ''
  const shown = SECRET.test(variable) ? '' : `"${value.slice(0, 100)}" `
  const place = rest.length > 0 ? `at ${rest.join('.')}: ` : ''
  return { variable, message: `${shown}${place}${issue.message}` }
}

function listUnknown(env: Env): SettingsFault[] {
  const known = Object.keys(settings.shape).filter((name) => name.startsWith('REGISTRAR_'))
  return Object.keys(env)
    .filter((name) => name.startsWith('REGISTRAR_') && !known.includes(name))
    .map((variable) => ({
      variable,
      message: `is not known; the variables with this prefix are ${known.join(' and ')}`,
    }))
}

function listConflicts(env: Env): SettingsFault[] {
  return EXCLUSIVE.filter(([one, other]) => env[one] !== undefined && env[other] !== undefined).map(
    ([one, other]) => ({ variable: one, message: `cannot be set together with ${other}` }),
  )
}

function listMissing(env: Env): SettingsFault[] {
  const faults: SettingsFault[] = []
  const need = (variable: string, names: readonly string[]): void => {
    const missing = names.filter((name) => env[name] === undefined)
    if (missing.length > 0) faults.push({ variable, message: `needs ${missing.join(' and ')}` })
  }
  if (env['BLOB_URL']?.startsWith('s3:')) {
    need('BLOB_URL', ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
  }
  if (env['TENANT_SERVICE_URL'] !== undefined) need('TENANT_SERVICE_URL', ['TENANT_SERVICE_TOKEN'])
  if (env['SMTP_URL'] !== undefined) need('SMTP_URL', ['SMTP_FROM'])
  if (env['VAULT_ROLE_ID'] !== undefined) need('VAULT_ROLE_ID', ['VAULT_SECRET_ID'])
  if (env['VAULT_URL'] !== undefined && env['VAULT_ROLE_ID'] === undefined) {
    need('VAULT_URL', ['VAULT_TOKEN'])
  }
  return faults
}
