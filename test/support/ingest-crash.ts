import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createFileBlobStore } from '../../connectors/blob/file-store.ts'
import type { Random } from '../../core/sample/random.ts'
import { createKeyRing, type KeyRingDocument } from '../../crypto/key-ring.ts'
import type { Database } from '../../db/client.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import { getUpload, hasEnded, type Upload } from '../../db/uploads.ts'
import { taskQueues } from '../../workflows/messages.ts'
import { createTestIngestStart, receiveIngestFile, type IngestFile } from './ingest.ts'
import { waitUntil } from './polling.ts'
import { spawnRegistrar, type RegistrarProcess } from './registrar-process.ts'

/** Where worker processes are killed and started again. */
export type CrashSite = {
  readonly db: Database
  readonly spawnWorker: () => RegistrarProcess
  /** Accepts a file as the upload route does: the relay of a worker starts its run. */
  readonly accept: (file: IngestFile) => Promise<string>
  readonly close: () => Promise<void>
}

export type CrashSiteOptions = {
  readonly db: Database
  readonly databaseUrl: string
  readonly temporalAddress: string
  readonly keyRing: KeyRingDocument
}

/** How far an ingest is, from 0 to 1: chunks staged and chunks applied count half each. */
export type CrashPoint = number

// A chunk may be done in less than a tenth of a second.
const POLL_MS = 20
const PATIENCE_MS = 180_000
const MAX_DELAY_MS = 150

/** Prepares a site; no worker runs yet. */
export async function createCrashSite(options: CrashSiteOptions): Promise<CrashSite> {
  const { db } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'registrar-crash-'))
  const directory = join(dataDir, 'blobs')
  const blobs = createFileBlobStore({ directory, ring: createKeyRing(options.keyRing) })
  const env = {
    DATABASE_URL: options.databaseUrl,
    TEMPORAL_ADDRESS: options.temporalAddress,
    KEY_RING: JSON.stringify(options.keyRing),
    BLOB_URL: `file:${directory}`,
  }
  return {
    db,
    spawnWorker: () => spawnRegistrar(['worker', '--data-dir', dataDir], { env }),
    async accept(file) {
      const uploadId = await receiveIngestFile(db, blobs, file)
      await enqueueStart(db, createTestIngestStart(uploadId, taskQueues.ingest))
      return uploadId
    },
    close: async () => await rm(dataDir, { recursive: true, force: true }),
  }
}

/** Ends a worker with SIGKILL, as a crash would. */
export async function killWorker(worker: RegistrarProcess): Promise<void> {
  worker.process.kill('SIGKILL')
  await worker.result
}

/** Resolves a random moment after the ingest has come this far, or once it has ended. */
export async function waitForPoint(
  db: Database,
  uploadId: string,
  { point, random }: { readonly point: CrashPoint; readonly random: Random },
): Promise<void> {
  const isThere = async (upload: Upload): Promise<boolean> =>
    hasEnded(upload) || (await readProgress(db, uploadId)) >= point
  await poll(db, uploadId, { isThere, maxPollMs: POLL_MS })
  await delay(random.int(MAX_DELAY_MS))
}

/** Waits for an upload to end, however long its workers were away. */
export async function waitForEnd(db: Database, uploadId: string): Promise<Upload> {
  const isThere = async (upload: Upload): Promise<boolean> =>
    await Promise.resolve(hasEnded(upload))
  return await poll(db, uploadId, { isThere })
}

type Look = {
  readonly isThere: (upload: Upload) => Promise<boolean>
  readonly maxPollMs?: number
}

async function poll(db: Database, uploadId: string, look: Look): Promise<Upload> {
  const { isThere, ...pace } = look
  let found: Upload | undefined
  const isFound = async (): Promise<boolean> => {
    // The database may be away just now.
    found = await getUpload(db, uploadId).catch(() => undefined)
    return found !== undefined && (await isThere(found).catch(() => false))
  }
  const patience = { patienceMs: PATIENCE_MS, ...pace }
  await waitUntil(`upload "${uploadId}" has come that far`, isFound, patience)
  if (!found) throw new Error(`Cannot find upload "${uploadId}"`)
  return found
}

async function readProgress(db: Database, uploadId: string): Promise<number> {
  const { rows } = await db.query<{ progress: number | null }>(
    `select case when u.indexed then
       (count(c.staged_at) + count(c.applied_at))::float8 / nullif(2 * count(*), 0) end as progress
     from uploads u join upload_chunks c on c.upload_id = u.id
     where u.id = $1
     group by u.indexed`,
    [uploadId],
  )
  return rows[0]?.progress ?? 0
}
