import { setTimeout as delay } from 'node:timers/promises'
import { createParsePool, type ParsePool } from '../activities/license/parse-pool.ts'
import type { Config } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import type { Logger } from '../config/log.ts'
import { readVersion } from '../config/version.ts'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import { createBlobStore } from '../connectors/blob/create-blob-store.ts'
import { createTemporalClient, type TemporalClient } from '../connectors/temporal.ts'
import { startTracing, type Tracing } from '../connectors/tracing/tracing.ts'
import { AppError } from '../core/errors.ts'
import { createFieldCipher, type FieldCipher } from '../crypto/field-cipher.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import { createPayloadCodec, type PayloadCodec } from '../crypto/payload-codec.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { loadHashKey } from '../db/data-keys.ts'
import { watchPublishers, type WatchedPublishers } from '../config/publishers-file.ts'
import { codeOf } from './loop.ts'
import { closeOutside, openOutside, type Outside } from './outside.ts'
import { SINK_SLOTS } from './queue-worker.ts'

/** What everything in a worker process stands on. */
export type WorkerContext = Outside & {
  readonly config: Config
  readonly log: Logger
  readonly db: Database
  /** Deliveries to sinks keep a connection while they last: apart from all else. */
  readonly sinkDb: Database
  /** Who signs what sources say. */
  readonly publishers: WatchedPublishers
  readonly ring: KeyRing
  readonly cipher: FieldCipher
  /** The key of keyed hashes; the same after every rotation of the ring. */
  readonly hashKey: Buffer
  readonly blobs: BlobStore
  /** Threads that check and encrypt uploaded rows. */
  readonly parsers: ParsePool
  readonly temporal: TemporalClient
  /** Where `temporal` connects to, for the workers' own connection. */
  readonly temporalAddress: string
  readonly codec: PayloadCodec
  /** Undefined while no collector is configured. */
  readonly tracing: Tracing | undefined
  readonly close: () => Promise<void>
}

const MAX_CONNECTIONS = 20
const DATABASE_PATIENCE_MS = 60_000
const RETRY_MS = 1_000

/**
 * Opens what a worker needs. Temporal may be away; PostgreSQL is waited for, and after a minute
 * `database_unavailable` is thrown.
 */
export async function createWorkerContext(config: Config, log: Logger): Promise<WorkerContext> {
  const databaseUrl = requireSetting('DATABASE_URL', config.databaseUrl)
  const temporalAddress = requireSetting('TEMPORAL_ADDRESS', config.temporal.address)
  const { namespace, connection } = config.temporal
  const ring = await loadKeyRing(config)
  const codec = createPayloadCodec({ ring, namespace })
  const open = (maxConnections: number): Database =>
    createDatabase({
      connectionString: databaseUrl,
      applicationName: 'registrar-worker',
      maxConnections,
      onIdleError: (error) => log.warn({ code: codeOf(error) }, 'Lost a database connection'),
    })
  const db = open(MAX_CONNECTIONS)
  const hashKey = await waitForHashKey(db, { ring, log })
  const cipher = createFieldCipher(ring)
  const outside = await openOutside({ config, log, db, cipher })
  const publishers = await watchPublishers(config, log)
  const parsers = createParsePool({ ring, hashKey, compacts: config.compacts })
  const tracing = await openTracing(config, log)
  const temporal = createTemporalClient({
    ...connection,
    address: temporalAddress,
    namespace,
    codec,
  })
  // One that hangs must not keep the connections of the others.
  const sinkDb = open(SINK_SLOTS * Math.max(config.sinks.length, 1))
  return {
    config,
    log,
    db,
    sinkDb,
    ...outside,
    publishers,
    ring,
    cipher,
    hashKey,
    blobs: await createBlobStore(config.blob, ring),
    parsers,
    temporal,
    temporalAddress,
    codec,
    tracing,
    async close() {
      await closeOutside(outside)
      publishers.close()
      await Promise.all([
        db.end(),
        sinkDb.end(),
        temporal.close(),
        parsers.close(),
        tracing?.close(),
      ])
    },
  }
}

async function openTracing({ otlpEndpoint }: Config, log: Logger): Promise<Tracing | undefined> {
  return await startTracing({
    endpoint: otlpEndpoint,
    service: 'registrar-worker',
    version: readVersion(),
    log,
  })
}

function requireSetting(variable: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new AppError(
    'invalid_configuration',
    `Cannot start a worker: set ${variable}, or start everything with "registrar up"`,
    { status: 500, expose: true },
  )
}

async function waitForHashKey(
  db: Database,
  { ring, log }: { readonly ring: KeyRing; readonly log: Logger },
): Promise<Buffer> {
  const deadline = Date.now() + DATABASE_PATIENCE_MS
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await loadHashKey(db, ring)
    } catch (error) {
      const isHopeless = error instanceof AppError || Date.now() > deadline
      if (isHopeless) await db.end()
      if (error instanceof AppError) throw error
      if (isHopeless) throw databaseUnavailable(error)
      if (attempt === 1) log.warn({ code: codeOf(error) }, 'Waiting for PostgreSQL')
      await delay(RETRY_MS)
    }
  }
}

function databaseUnavailable(cause: unknown): AppError {
  return new AppError(
    'database_unavailable',
    `Cannot read the database (${codeOf(cause)}): check DATABASE_URL and run "registrar migrate"`,
    { status: 503, expose: true, cause },
  )
}
