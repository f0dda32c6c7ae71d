import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { watchPublishers } from '../config/publishers-file.ts'
import { readVersion } from '../config/version.ts'
import { createBlobStore } from '../connectors/blob/create-blob-store.ts'
import { createHttpClient } from '../connectors/http/client.ts'
import { createTemporalClient, type TemporalClient } from '../connectors/temporal.ts'
import { startTracing, type Tracing } from '../connectors/tracing/tracing.ts'
import { createVaultSecrets } from '../connectors/vault/secret-store.ts'
import { AppError } from '../core/errors.ts'
import { createCursorSigner } from '../crypto/cursor.ts'
import { createFieldCipher } from '../crypto/field-cipher.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import { createKeyedHash, type KeyedHash } from '../crypto/keyed-hash.ts'
import { createPasswordHasher } from '../crypto/password-hasher.ts'
import { createPayloadCodec, type PayloadCodec } from '../crypto/payload-codec.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { loadHashKey } from '../db/data-keys.ts'
import { createPresence } from '../db/presence.ts'
import { createSecretTable } from '../db/secrets.ts'
import { readUploadProgress } from '../db/upload-progress.ts'
import { createBatchedRead } from './batched-read.ts'
import type { ApiContext } from './context.ts'
import { createHandOver } from './hand-over.ts'
import { createApiMetrics } from './metrics.ts'
import { toAppError } from './problem.ts'
import { createDenialBook } from './roster-denials.ts'
import { createStaffDirectory } from './staff-directory.ts'
import { createTokenVerifier } from './token-verifier.ts'
import { createLanes } from './keyed-lanes.ts'

export type ApiResources = {
  readonly context: ApiContext
  /** Tells long answers to end. */
  readonly beginStop: () => void
  readonly close: () => Promise<void>
}

export type ApiResourceOptions = {
  readonly config: Config
  readonly log: Logger
  readonly statementTimeoutMs: number
}

const MAX_CONNECTIONS = 20
// A run takes ten updates at once, from all processes together.
const VOTES_AT_ONCE = 4

const clock = (): Date => new Date()

/** Opens what the API stands on; nothing is connected to before it is needed. */
export async function createApiResources(options: ApiResourceOptions): Promise<ApiResources> {
  const { config, log } = options
  const keyRing = await loadKeyRing(config)
  const publishers = await watchPublishers(config, log)
  const http = createHttpClient({ allowPrivateTargets: config.http.allowPrivateTargets, log })
  const tokens = createTokenVerifier({ config, keyRing, http, log, clock })
  const codec = createPayloadCodec({ ring: keyRing, namespace: config.temporal.namespace })
  const { db, presence } = openDatabase(options)
  const temporal = openTemporal(config, codec)
  const blobs = await createBlobStore(config.blob, keyRing)
  const tracing = await openTracing(options)
  const metrics = createApiMetrics(db)
  const staff = createStaffDirectory({
    db,
    log,
    compacts: config.compacts,
    nowMs: () => clock().getTime(),
    onBroken: metrics.countBrokenStaffRecord,
  })
  const cipher = createFieldCipher(keyRing)
  const stopping = new AbortController()
  const context: ApiContext = {
    config,
    log,
    db,
    presence,
    findUpload: createUploadReader(db),
    keyRing,
    cipher,
    secretsOf: openSecrets(config, { db, cipher, http }),
    hash: createHashLoader(db, keyRing),
    passwords: createPasswordHasher(),
    cursors: createCursorSigner(keyRing),
    codec,
    blobs,
    temporal,
    http,
    handOver: createHandOver({ db, temporal, log }),
    tokens,
    staff,
    publishers,
    voteLanes: createLanes(VOTES_AT_ONCE),
    changeLanes: createLanes(1),
    denials: createDenialBook(clock),
    metrics,
    tracing,
    clock,
    stopping: stopping.signal,
  }
  return {
    context,
    beginStop: () => stopping.abort(),
    async close() {
      blobs.close()
      publishers.close()
      http.close()
      await Promise.all([db.end(), presence.close(), temporal?.close(), tracing?.close()])
    },
  }
}

function openSecrets(
  { vault: location }: Config,
  { db, cipher, http }: Pick<ApiContext, 'db' | 'cipher' | 'http'>,
): ApiContext['secretsOf'] {
  const vault = location && createVaultSecrets({ ...location, http, nowMs: () => Date.now() })
  return (tenant, doer) => {
    const by = doer ? { requestId: doer.requestId } : {}
    const actor = doer?.actor ?? 'api'
    return vault ?? createSecretTable({ db, cipher, actor, cause: { tenant, ...by } })
  }
}

function createUploadReader(db: Database): ApiContext['findUpload'] {
  const read = createBatchedRead(async (ids) => await readUploadProgress(db, ids))
  // The database writes ids in lower case, a caller may not.
  return async (id) => await read(id.toLowerCase())
}

function getDatabaseUrl({ databaseUrl }: Config): string {
  if (databaseUrl !== undefined) return databaseUrl
  throw new AppError(
    'invalid_configuration',
    'Cannot start the API: set DATABASE_URL, or start everything with "registrar up"',
    { status: 500, expose: true },
  )
}

function openDatabase({
  config,
  log,
  statementTimeoutMs,
}: ApiResourceOptions): Pick<ApiContext, 'db' | 'presence'> {
  const connectionString = getDatabaseUrl(config)
  const db = createDatabase({
    connectionString,
    applicationName: 'registrar-api',
    maxConnections: MAX_CONNECTIONS,
    statementTimeoutMs,
    onIdleError: (error) => log.warn({ code: toAppError(error).code }, 'database connection lost'),
  })
  const presence = createPresence({ connectionString, applicationName: 'registrar-api-presence' })
  return { db, presence }
}

async function openTracing({ config, log }: ApiResourceOptions): Promise<Tracing | undefined> {
  return await startTracing({
    endpoint: config.otlpEndpoint,
    service: 'registrar-api',
    version: readVersion(),
    log,
  })
}

function openTemporal(config: Config, codec: PayloadCodec): TemporalClient | undefined {
  const { address, namespace, connection } = config.temporal
  if (address === undefined) return undefined
  return createTemporalClient({ ...connection, address, namespace, codec })
}

function createHashLoader(db: Database, ring: KeyRing): () => Promise<KeyedHash> {
  let known: KeyedHash | undefined
  return async () => (known ??= createKeyedHash(await loadHashKey(db, ring)))
}
