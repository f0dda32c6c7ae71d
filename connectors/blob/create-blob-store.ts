import type { BlobConfig } from '../../config/config.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { BlobStore } from './blob-store.ts'
import { createFileBlobStore } from './file-store.ts'

/** The blob store that the configuration names; the key ring signs the forms of the local one. */
export async function createBlobStore(config: BlobConfig, ring: KeyRing): Promise<BlobStore> {
  if (config.kind === 'file') return createFileBlobStore({ directory: config.directory, ring })
  // The SDK is loaded where it is used.
  const { createS3BlobStore } = await import('./s3-store.ts')
  return createS3BlobStore(config)
}
