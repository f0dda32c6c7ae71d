import { z } from 'zod'
import type { BlobConfig, Config } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { createBlobStore } from '../connectors/blob/create-blob-store.ts'
import { createMailer } from '../connectors/smtp/mailer.ts'
import { checkTemporal, createTemporalClient } from '../connectors/temporal.ts'
import { createKeyRing, generateKeyRingDocument } from '../crypto/key-ring.ts'
import { createPayloadCodec } from '../crypto/payload-codec.ts'
import { createDatabase } from '../db/client.ts'
import { listPendingMigrations } from '../db/migrate.ts'
import { createConnectorChecks } from './doctor-connectors.ts'
import { waitForDatabase } from './outside-database.ts'
import type { RunFile } from './run-file.ts'

export type DoctorPart = {
  readonly name: string
  /** What is configured, without secrets. */
  readonly configured: string
  readonly reachable: boolean
  readonly version: string | null
  /** What to do; null when nothing is. */
  readonly remedy: string | null
}

export type DoctorInput = {
  readonly config: Config
  /** Of the `up` that runs on this data directory, if one does. */
  readonly run: RunFile | undefined
}

/** What a part is made of; `check` returns the version, and throws with what is wrong. */
export type Check = {
  readonly name: string
  readonly configured: string
  readonly remedy: string
  readonly check: () => Promise<string | null>
}

const START = 'start it with "registrar up"'
const TIMEOUT_MS = 5_000
const DISCOVERY_PATH = '/.well-known/openid-configuration'
const jwks = z.object({ keys: z.array(z.unknown()).min(1) })

/** Looks at every part, all at once; never throws and never starts anything. */
export async function examineParts(input: DoctorInput): Promise<DoctorPart[]> {
  const { config, run } = input
  const connectors = createConnectorChecks(config, config.databaseUrl ?? run?.databaseUrl)
  const checks = [
    createPostgresCheck(input),
    createMigrationsCheck(input),
    createTemporalCheck(input),
    createBlobCheck(config.blob),
    ...createIssuerChecks(config),
    ...createMailChecks(config.mail),
    createKeysCheck(config),
    ...connectors.checks,
  ]
  try {
    return await Promise.all(checks.map(examine))
  } finally {
    await connectors.close()
  }
}

async function examine({ name, configured, remedy, check }: Check): Promise<DoctorPart> {
  try {
    return { name, configured, reachable: true, version: await check(), remedy: null }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { name, configured, reachable: false, version: null, remedy: `${remedy} (${reason})` }
  }
}

function createPostgresCheck({ config, run }: DoctorInput): Check {
  const url = config.databaseUrl ?? run?.databaseUrl
  return {
    name: 'postgres',
    configured: config.databaseUrl === undefined ? 'embedded' : new URL(config.databaseUrl).host,
    remedy: config.databaseUrl === undefined ? START : 'start it or correct DATABASE_URL',
    check: async () => await waitForDatabase(url ?? throwNotRunning(), { patienceMs: 0 }),
  }
}

function createMigrationsCheck({ config, run }: DoctorInput): Check {
  const url = config.databaseUrl ?? run?.databaseUrl
  return {
    name: 'migrations',
    configured: 'those of this build',
    remedy: url === undefined ? START : 'run "registrar migrate"',
    async check() {
      const db = createDatabase({
        connectionString: url ?? throwNotRunning(),
        applicationName: 'registrar-doctor',
        maxConnections: 1,
      })
      try {
        const pending = await listPendingMigrations(db)
        if (pending.length > 0) throw new Error(`missing: ${pending.join(', ')}`)
        return null
      } finally {
        await db.end()
      }
    },
  }
}

function createTemporalCheck({ config, run }: DoctorInput): Check {
  const { address: configured, namespace, connection } = config.temporal
  const address = configured ?? run?.temporalAddress
  return {
    name: 'temporal',
    configured: configured ?? 'embedded',
    remedy: configured === undefined ? START : 'start it, or correct TEMPORAL_ADDRESS and its kin',
    async check() {
      const client = createTemporalClient({
        ...(configured === undefined ? {} : connection),
        address: address ?? throwNotRunning(),
        namespace,
        codec: createPayloadCodec({ ring: createThrowawayRing(), namespace }),
      })
      try {
        const { version } = await checkTemporal(client, { deadlineMs: TIMEOUT_MS })
        return version
      } finally {
        await client.close()
      }
    },
  }
}

function createBlobCheck(config: BlobConfig): Check {
  const isFile = config.kind === 'file'
  return {
    name: 'blob',
    configured: isFile ? `file:${config.directory}` : `s3://${config.bucket}/${config.prefix}`,
    remedy: isFile ? 'make the directory writable' : 'correct BLOB_URL and its AWS credentials',
    async check() {
      const store = await createBlobStore(config, createThrowawayRing())
      try {
        await store.check()
        return null
      } finally {
        store.close()
      }
    },
  }
}

function createIssuerChecks({ issuers, production }: Config): Check[] {
  if (issuers.length === 0) {
    const check = async (): Promise<null> => {
      if (production) throw new Error('with NODE_ENV=production nothing starts on the local one')
      return await Promise.resolve(null)
    }
    return [{ name: 'issuer', configured: 'local', remedy: 'set AUTH_ISSUERS', check }]
  }
  return issuers.map((issuer) => ({
    name: 'issuer',
    configured: issuer.issuer,
    remedy: 'let this machine reach the issuer, or correct AUTH_ISSUERS',
    async check() {
      const uri = issuer.jwksUri ?? (await findJwksUri(issuer.issuer))
      jwks.parse(await fetchJson(uri))
      return null
    },
  }))
}

function createMailChecks(mail: Config['mail']): Check[] {
  if (!mail) return []
  const check = async (): Promise<null> => {
    const mailer = createMailer(mail)
    try {
      await mailer.check()
      return null
    } finally {
      mailer.close()
    }
  }
  const { host } = new URL(mail.url)
  return [{ name: 'mail', configured: host, remedy: 'start it or correct SMTP_URL', check }]
}

function createKeysCheck(config: Config): Check {
  return {
    name: 'keys',
    configured: config.keyRing ? 'KEY_RING' : `in ${config.dataDir}`,
    remedy: 'restore the key ring, or set KEY_RING_FILE',
    check: async () => (await loadKeyRing(config)).currentId,
  }
}

async function findJwksUri(issuer: string): Promise<string> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}${DISCOVERY_PATH}`)
  return z.object({ jwks_uri: z.string() }).parse(document).jwks_uri
}

async function fetchJson(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' })
  if (!answer.ok) throw new Error(`"${url}" answers ${answer.status}`)
  return await answer.json()
}

// For what only asks whether something is there, and neither signs nor encrypts.
function createThrowawayRing(): ReturnType<typeof createKeyRing> {
  return createKeyRing(generateKeyRingDocument())
}

function throwNotRunning(): never {
  throw new Error('it does not run')
}
