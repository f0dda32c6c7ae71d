import { readUrl } from '../core/url.ts'
import { connect } from 'node:net'
import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { createLogger } from '../config/log.ts'
import type { SinkConfig, SourceConfig } from '../config/profile-files.ts'
import { createHttpClient, type HttpClient } from '../connectors/http/client.ts'
import { createFieldCipher } from '../crypto/field-cipher.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { listReferredSecrets, openSecretStore, readSecrets } from '../workers/secrets.ts'
import { createSinks } from '../workers/sinks.ts'
import { createSources } from '../workers/sources.ts'
import type { Check } from './doctor-parts.ts'

export type ConnectorChecks = {
  readonly checks: readonly Check[]
  readonly close: () => Promise<void>
}

type Values = ReadonlyMap<string, string>
type Tools = { readonly db: Database; readonly http: HttpClient; readonly values: Promise<Values> }

const TIMEOUT_MS = 5_000
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'ldap:': 389,
  'ldaps:': 636,
}

/** Checks the store of secrets, where one is needed, and every sink and source: its settings, then its port. */
export function createConnectorChecks(
  config: Config,
  databaseUrl: string | undefined,
): ConnectorChecks {
  const names = listReferredSecrets(config)
  const db = createDatabase({
    connectionString: databaseUrl ?? '',
    applicationName: 'registrar-doctor',
    maxConnections: 1,
  })
  const log = createLogger({ level: 'silent', name: 'doctor', pretty: false })
  const http = createHttpClient({ allowPrivateTargets: false, log })
  const values = readValues({ config, db, http, names, isRunning: databaseUrl !== undefined })
  // Each check says itself what is wrong with them.
  values.catch(() => {})
  const tools = { db, http, values }
  return {
    checks: [
      ...(names.length > 0 || config.vault ? [createSecretsCheck(config, names, values)] : []),
      ...config.sinks.map((sink) => createSinkCheck(sink, tools)),
      ...config.sources.map((source) => createSourceCheck(source, tools)),
    ],
    async close() {
      http.close()
      await db.end()
    },
  }
}

type ReadOptions = Pick<Tools, 'db' | 'http'> & {
  readonly config: Config
  readonly names: readonly string[]
  readonly isRunning: boolean
}

async function readValues({ config, db, http, names, isRunning }: ReadOptions): Promise<Values> {
  if (names.length === 0 && !config.vault) return new Map()
  if (!isRunning && !config.vault) throw new Error('the database does not run')
  const cipher = createFieldCipher(await loadKeyRing(config))
  const store = openSecretStore({ config, http, db, cipher, actor: 'doctor' })
  if (names.length === 0) await store.list()
  return await readSecrets(store, names)
}

function createSecretsCheck(
  { vault }: Config,
  names: readonly string[],
  values: Promise<Values>,
): Check {
  return {
    name: 'secrets',
    configured: vault ? new URL(vault.url).host : 'encrypted table',
    remedy:
      'store what is missing with "registrar secret set NAME", or correct VAULT_URL and its kin',
    async check() {
      const stored = await values
      const missing = names.filter((name) => !stored.has(name))
      if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`)
      return null
    },
  }
}

function createSinkCheck(sink: SinkConfig, { db, http, values }: Tools): Check {
  return {
    name: `sink ${sink.name}`,
    configured: describe(sink),
    remedy: 'start it, or correct it in SINKS_FILE',
    async check() {
      const stored = await values.catch(() => new Map<string, string>())
      createSinks({ sinks: [sink], secrets: { env: readEnv(), stored }, db, http })
      await reach(sink)
      return null
    },
  }
}

function createSourceCheck(source: SourceConfig, { http, values }: Tools): Check {
  return {
    name: `source ${source.name}`,
    configured: describe(source),
    remedy: 'start it, or correct it in SOURCES_FILE',
    async check() {
      const stored = await values.catch(() => new Map<string, string>())
      createSources({ sources: [source], secrets: { env: readEnv(), stored }, http })
      await reach(source)
      return null
    },
  }
}

type Entry = { readonly kind: string; readonly [setting: string]: unknown }

function describe(entry: Entry): string {
  const url = findUrl(entry)
  return url ? `${entry.kind} at ${url.host}` : entry.kind
}

function findUrl({ url, baseUrl }: Entry): URL | undefined {
  const text = url ?? baseUrl
  return typeof text === 'string' ? readUrl(text) : undefined
}

// Nothing is sent: a request would bind with credentials, pull a report or deliver a message.
async function reach(entry: Entry): Promise<void> {
  const url = findUrl(entry)
  if (!url) return
  const port = Number(url.port) || DEFAULT_PORTS[url.protocol]
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: port ?? 0, timeout: TIMEOUT_MS })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('timeout', () => reject(new Error('it does not answer')))
      socket.once('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(error.code ?? 'it cannot be reached'))
      })
    })
  } finally {
    socket.destroy()
  }
}
