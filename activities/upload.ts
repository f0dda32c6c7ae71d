import { Context } from '@temporalio/activity'
import { currentCause } from './context.ts'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { endUpload, type ClosedUpload, type Closing } from '../db/upload-closing.ts'
import { formKey, hasFormExpired, markFileRemoved } from '../db/upload-housekeeping.ts'
import { receiveFile } from '../db/upload-receipt.ts'
import {
  getUpload,
  hasEnded,
  type Upload,
  type UploadKind,
  type UploadState,
} from '../db/uploads.ts'

export type UploadActivityDeps = {
  readonly db: Database
  readonly blobs: BlobStore
  /** How often a bucket is asked for the file; 2 s unless said. */
  readonly pollMs?: number
}

/** `received`: there is something to ingest; otherwise the upload has ended without a file. */
export type AwaitedFile =
  | { readonly received: true; readonly kind: UploadKind; readonly sizeBytes: number }
  | { readonly received: false; readonly state: UploadState }

export type UploadActivities = {
  /**
   * Waits until the upload's file is wholly there (at once for local files and posted records, by
   * asking the bucket on S3). A form that expires unused ends the upload as failed, `form_expired`.
   */
  readonly awaitFile: (input: UploadInput) => Promise<AwaitedFile>
  /** Ends the upload: counts, digest, audit entry and events, once however often it runs. */
  readonly closeUpload: (closing: Closing) => Promise<ClosedUpload>
  /** Removes the uploaded file, whatever was sent to its form later included. */
  readonly removeFile: (input: UploadInput) => Promise<void>
}

export type UploadInput = { readonly uploadId: string }

const POLL_MS = 2_000

/** The activities that every kind of upload begins and ends with. */
export function createUploadActivities(deps: UploadActivityDeps): UploadActivities {
  return {
    awaitFile: async ({ uploadId }) => await awaitFile(deps, uploadId),
    closeUpload: async (closing) =>
      await withTransaction(
        deps.db,
        async (tx) => await endUpload(tx, { ...closing, cause: currentCause() }),
      ),
    removeFile: async ({ uploadId }) => await removeFile(deps, uploadId),
  }
}

async function awaitFile(deps: UploadActivityDeps, uploadId: string): Promise<AwaitedFile> {
  for (;;) {
    const upload = await getUpload(deps.db, uploadId)
    if (upload.state !== 'awaiting-file') return toAwaited(upload)
    if ((await takeFile(deps, upload)) || (await endIfExpired(deps, upload))) continue
    Context.current().heartbeat()
    await Context.current().sleep(deps.pollMs ?? POLL_MS)
  }
}

function toAwaited(upload: Upload): AwaitedFile {
  if (hasEnded(upload)) return { received: false, state: upload.state }
  return { received: true, kind: upload.kind, sizeBytes: upload.sizeBytes ?? 0 }
}

async function takeFile({ db, blobs }: UploadActivityDeps, upload: Upload): Promise<boolean> {
  const key = upload.blobKey
  // A local file counts once its own route has booked it.
  if (blobs.kind === 'file' || key === undefined) return false
  const blob = await blobs.claim(key)
  if (!blob) return false
  const file = { uploadId: upload.id, blobKey: blob.key, sizeBytes: blob.sizeBytes }
  const booked = await withTransaction(
    db,
    async (tx) => await receiveFile(tx, { ...file, cause: currentCause() }),
  )
  return booked !== undefined
}

async function endIfExpired({ db }: UploadActivityDeps, upload: Upload): Promise<boolean> {
  if (!hasFormExpired(upload, new Date())) return false
  const closing = { uploadId: upload.id, state: 'failed', failureCode: 'form_expired' } as const
  await withTransaction(
    db,
    async (tx) => await endUpload(tx, { ...closing, onlyWaiting: true, cause: currentCause() }),
  )
  return true
}

async function removeFile({ db, blobs }: UploadActivityDeps, uploadId: string): Promise<void> {
  await blobs.remove(formKey(uploadId))
  // A local form is shut by the upload's state; a bucket takes files until its form expires.
  await markFileRemoved(db, uploadId, blobs.kind === 'file' ? 'shut' : 'open')
}
