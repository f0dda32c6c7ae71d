import { ApplicationFailure } from '@temporalio/activity'
import { currentCause } from './context.ts'
import { withHeartbeat } from './heartbeat.ts'
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
}

/** `received`: there is something to ingest; otherwise the upload has ended without a file. */
export type AwaitedFile =
  | { readonly received: true; readonly kind: UploadKind; readonly sizeBytes: number }
  | { readonly received: false; readonly state: UploadState }

export type UploadActivities = {
  /**
   * Looks whether the upload's file is wholly there: local files and posted records are at once, a
   * bucket is asked. Fails with `file_awaited`, to be tried again soon, while it is not: thousands
   * of open forms hold no worker. A form that expires unused ends the upload as `form_expired`.
   */
  readonly awaitFile: (input: UploadInput) => Promise<AwaitedFile>
  /** Ends the upload: counts, digest, audit entry and events, once however often it runs. */
  readonly closeUpload: (closing: Closing) => Promise<ClosedUpload>
  /** Removes the uploaded file, whatever was sent to its form later included. */
  readonly removeFile: (input: UploadInput) => Promise<void>
}

export type UploadInput = { readonly uploadId: string }

// A form that was just given out is used soon, if ever.
const LOOKS_PER_AGE = 10
const MAX_DELAY_SECONDS = 15

/** The activities that every kind of upload begins and ends with. */
export function createUploadActivities(deps: UploadActivityDeps): UploadActivities {
  return {
    awaitFile: async ({ uploadId }) =>
      await withHeartbeat(async () => await awaitFile(deps, uploadId)),
    closeUpload: async (closing) =>
      await withHeartbeat(async () => await closeUpload(deps, closing)),
    removeFile: async ({ uploadId }) =>
      await withHeartbeat(async () => await removeFile(deps, uploadId)),
  }
}

async function awaitFile(deps: UploadActivityDeps, uploadId: string): Promise<AwaitedFile> {
  const waiting = await getUpload(deps.db, uploadId)
  if (waiting.state !== 'awaiting-file') return toAwaited(waiting)
  const isSettled = (await takeFile(deps, waiting)) || (await endIfExpired(deps, waiting))
  if (!isSettled) throw createPatience(waiting)
  return toAwaited(await getUpload(deps.db, uploadId))
}

function createPatience({ createdAt }: Upload): ApplicationFailure {
  const ageSeconds = (Date.now() - createdAt.getTime()) / 1000
  const seconds = Math.min(Math.max(ageSeconds / LOOKS_PER_AGE, 1), MAX_DELAY_SECONDS)
  return ApplicationFailure.create({
    type: 'file_awaited',
    message: 'The file is not there yet',
    category: 'BENIGN',
    nextRetryDelay: Math.round(seconds * 1000),
  })
}

function toAwaited(upload: Upload): AwaitedFile {
  if (hasEnded(upload)) return { received: false, state: upload.state }
  return { received: true, kind: upload.kind, sizeBytes: upload.sizeBytes ?? 0 }
}

async function closeUpload({ db }: UploadActivityDeps, closing: Closing): Promise<ClosedUpload> {
  return await withTransaction(
    db,
    async (tx) => await endUpload(tx, { ...closing, cause: currentCause() }),
  )
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
