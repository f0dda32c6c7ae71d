import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import { openOneRosterCsv } from '../connectors/oneroster/csv-source.ts'
import { AppError } from '../core/errors.ts'
import type { RosterSource } from '../core/roster/source.ts'
import { rosterUploadKey } from '../db/roster/uploads.ts'

const PART_BYTES = 8 * 1024 * 1024

/** Opens an uploaded OneRoster CSV archive, copied to this machine until the source is closed. */
export async function openUploadedRoster(
  blobs: BlobStore,
  uploadId: string,
): Promise<RosterSource> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-roster-'))
  const remove = async (): Promise<void> => await rm(directory, { recursive: true, force: true })
  try {
    const path = join(directory, 'roster.zip')
    await copyBlob(blobs, { key: rosterUploadKey(uploadId), path })
    const source = await openOneRosterCsv(path)
    return {
      ...source,
      close() {
        source.close()
        // Nothing waits for it; what is left is a temporary file.
        void remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function copyBlob(
  blobs: BlobStore,
  { key, path }: { readonly key: string; readonly path: string },
): Promise<void> {
  const stored = await blobs.stat(key)
  if (!stored) throwGone()
  const file = await open(path, 'wx', 0o600)
  try {
    for (let at = 0; at < stored.sizeBytes; at += PART_BYTES) {
      const part = await blobs.readRange(key, at, Math.min(at + PART_BYTES, stored.sizeBytes))
      await file.write(part, 0, part.length, at)
    }
  } finally {
    await file.close()
  }
}

function throwGone(): never {
  throw new AppError('archive_gone', 'Cannot read the uploaded archive: it is not there any more', {
    status: 422,
  })
}
