import type { BlobStore } from '../../connectors/blob/blob-store.ts'
import type { Compacts } from '../../core/license/compacts.ts'
import { AppError } from '../../core/errors.ts'
import type { FieldCipher } from '../../crypto/field-cipher.ts'
import type { Database } from '../../db/client.ts'
import type { Upload } from '../../db/uploads.ts'
import type { Chunking } from './index-file.ts'
import type { ParsePool } from './parse-pool.ts'

/** What the license activities work with. */
export type LicenseActivityDeps = {
  readonly db: Database
  readonly blobs: BlobStore
  readonly cipher: FieldCipher
  readonly pool: ParsePool
  readonly compacts: Compacts
  readonly now?: () => Date
  readonly chunking?: Partial<Chunking>
}

// The failure type that tells the workflow that the upload was cancelled or has ended.
const uploadEnded = 'upload_ended'

// The failure type that tells the workflow to stage again: the database server lost the staged rows.
const stagingLost = 'staging_lost'

/** The upload's key in the blob store; throws `blob_not_found` for posted records, which have none. */
export function getBlobKey(upload: Upload): string {
  if (upload.blobKey !== undefined) return upload.blobKey
  throw new AppError(
    'blob_not_found',
    `Cannot read the file of upload "${upload.id}": it has none`,
    {
      status: 404,
    },
  )
}

/** Ends what works for an upload that was cancelled or has ended. */
export function throwUploadEnded(uploadId: string): never {
  throw new AppError(uploadEnded, `Cannot go on with upload "${uploadId}": it has ended`, {
    status: 409,
  })
}

/** Has the workflow stage an upload again whose staged rows the database server lost. */
export function throwStagingLost(uploadId: string): never {
  throw new AppError(
    stagingLost,
    `Cannot apply upload "${uploadId}": its staged rows are gone and have to be staged again`,
    { status: 409 },
  )
}
