import type { BlobConfig } from '../../config/config.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { BlobStore } from './blob-store.ts'
import { createFileBlobStore } from './file-store.ts'
import { createS3BlobStore } from './s3-store.ts'

/** The blob store that the configuration names; the key ring signs the forms of the local one. */
export function createBlobStore(config: BlobConfig, ring: KeyRing): BlobStore {
  if (config.kind === 's3') return createS3BlobStore(config)
  return createFileBlobStore({ directory: config.directory, ring })
}
