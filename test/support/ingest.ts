import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createLicenseActivities, type LicenseActivities } from '../../activities/license.ts'
import type { Chunking } from '../../activities/license/index-file.ts'
import { createParsePool } from '../../activities/license/parse-pool.ts'
import { withFailures } from '../../activities/failures.ts'
import { createUploadActivities, type UploadActivities } from '../../activities/upload.ts'
import { createFileBlobStore } from '../../connectors/blob/file-store.ts'
import type { LocalBlobStore } from '../../connectors/blob/blob-store.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { licenseUploadWorkflowId } from '../../core/license/workflow.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { loadHashKey } from '../../db/data-keys.ts'
import { nameStagingTable } from '../../db/license/staging.ts'
import type { ClosedUpload } from '../../db/upload-closing.ts'
import { formKey } from '../../db/upload-housekeeping.ts'
import {
  createUpload,
  payloadContext,
  receiveFile,
  receiveRecords,
} from '../../db/upload-receipt.ts'
import { workflowTypes } from '../../workflows/messages.ts'
import type { TestTemporal } from './temporal.ts'

export type IngestActivities = LicenseActivities & UploadActivities

/** Where files are put and what works on them. */
export type IngestFixture = {
  readonly blobs: LocalBlobStore
  readonly activities: IngestActivities
  readonly close: () => Promise<void>
}

export type IngestFile = {
  readonly jurisdiction?: string
  readonly text: string | Buffer
}

/** A blob directory and the activities of an ingest on a test database. */
export async function createIngestFixture(
  db: Database,
  ring: KeyRing,
  chunking: Partial<Chunking> = {},
): Promise<IngestFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-blobs-'))
  const blobs = createFileBlobStore({ directory, ring })
  const hashKey = await loadHashKey(db, ring)
  const pool = createParsePool({ ring, hashKey, compacts: defaultCompacts })
  const cipher = createFieldCipher(ring)
  return {
    blobs,
    activities: withFailures(
      {
        ...createUploadActivities({ db, blobs }),
        ...createLicenseActivities({
          db,
          blobs,
          cipher,
          pool,
          compacts: defaultCompacts,
          chunking,
        }),
      },
      (error) => process.stderr.write(`Unexpected failure: ${String(error)}\n`),
    ),
    async close() {
      await pool.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Puts a file where its upload's form would have, booked as received; returns the upload's id. */
export async function receiveIngestFile(
  db: Database,
  blobs: LocalBlobStore,
  file: IngestFile,
): Promise<string> {
  const uploadId = randomUUID()
  const blobKey = formKey(uploadId)
  const staged = await blobs.stage(blobKey, Readable.from([file.text]), 2 ** 30)
  await staged.keep()
  await createUpload(db, {
    id: uploadId,
    kind: 'license',
    compact: 'aslp',
    jurisdiction: file.jurisdiction ?? 'oh',
    tenant: undefined,
    createdBy: 'board-clerk',
    requestId: `request-${uploadId}`,
    blobKey,
    expiresAt: new Date(Date.now() + 3_600_000),
  })
  const { sizeBytes, sha256 } = staged
  await withTransaction(
    db,
    async (tx) => await receiveFile(tx, { uploadId, blobKey, sizeBytes, sha256 }),
  )
  return uploadId
}

/** Books posted records as the route would have; returns the upload's id. */
export async function receiveIngestRecords(
  db: Database,
  ring: KeyRing,
  records: readonly object[],
): Promise<string> {
  const id = randomUUID()
  const document = JSON.stringify(records)
  const ciphertext = createFieldCipher(ring).encrypt(document, payloadContext(id))
  await receiveRecords(db, {
    id,
    kind: 'license-post',
    compact: 'aslp',
    jurisdiction: 'oh',
    tenant: undefined,
    createdBy: 'board-clerk',
    requestId: `request-${id}`,
    ciphertext,
    sizeBytes: Buffer.byteLength(document),
  })
  return id
}

/** The start of an upload's ingest on this queue. */
export function createTestIngestStart(uploadId: string, taskQueue: string): WorkflowStart {
  return {
    workflowId: licenseUploadWorkflowId(uploadId),
    workflowType: workflowTypes.licenseIngest,
    taskQueue,
    input: { uploadId },
    summary: 'License upload of aslp/oh',
    requestId: `request-${uploadId}`,
  }
}

/** Starts an upload's ingest and waits for its end. */
export async function runIngest(
  temporal: TestTemporal,
  uploadId: string,
  taskQueue: string,
): Promise<ClosedUpload> {
  await handOverStart(temporal.client, createTestIngestStart(uploadId, taskQueue))
  return await waitForIngest(temporal, uploadId)
}

/** Waits for the end of an upload's ingest. */
export async function waitForIngest(
  temporal: TestTemporal,
  uploadId: string,
): Promise<ClosedUpload> {
  const result: unknown = await temporal.client.call(
    async (client) => await client.workflow.getHandle(licenseUploadWorkflowId(uploadId)).result(),
    { deadlineMs: 120_000 },
  )
  return result as ClosedUpload // what licenseIngest returns
}

/** Does to staged rows what a crash of the database server does: unlogged tables are empty then. */
export async function loseStaging(db: Database, uploadId: string): Promise<void> {
  await db.query(
    `truncate ${nameStagingTable(uploadId)}, staging.chunks, staging.ready, staging.duplicates`,
  )
}
