import { createHash, randomUUID } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '../../core/errors.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { LocalBlobStore, StagedBlob, StoredBlob } from './blob-store.ts'
import { openForm, signForm } from './upload-form.ts'

// Path of the API's own upload route, to which the forms of this store point.
const LOCAL_UPLOAD_PATH = '/v1/blobs'

const UNFINISHED = '.part'
const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600

export type FileBlobStoreOptions = { readonly directory: string; readonly ring: KeyRing }

/** Keeps blobs as files below a directory that API and workers share. */
export function createFileBlobStore({ directory, ring }: FileBlobStoreOptions): LocalBlobStore {
  const streaming = new Set<string>()
  const locate = (key: string): string => locateBlob(directory, key)
  return {
    kind: 'file',
    async createForm({ origin, ...request }) {
      const { key, contentType, maxBytes, expiresAt } = request
      const fields = signForm(ring, { key, contentType, maxBytes, expiresAt })
      return await Promise.resolve({ url: `${origin}${LOCAL_UPLOAD_PATH}`, fields })
    },
    openForm: (fields, now) => openForm(ring, fields, now),
    async stage(key, source, maxBytes) {
      if (streaming.has(key)) throwInUse()
      streaming.add(key)
      try {
        return await stageFile({ path: locate(key), source, maxBytes })
      } finally {
        streaming.delete(key)
      }
    },
    async put(key, path) {
      const source = createReadStream(path)
      const staged = await stageFile({ path: locate(key), source, maxBytes: Infinity })
      await staged.keep()
    },
    claim: async (key) => await statBlob(key, locate(key)),
    stat: async (key) => await statBlob(key, locate(key)),
    readRange: async (key, start, end) => await readFileRange(locate(key), start, end),
    remove: async (key) => await rm(locate(key), { force: true }),
    removeUnfinished: async (since) => await removeUnfinished(directory, since),
    async check() {
      await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
      await access(directory, constants.R_OK | constants.W_OK)
    },
    close() {},
  }
}

function locateBlob(directory: string, key: string): string {
  const root = resolve(directory)
  const path = resolve(join(root, key))
  if (path.startsWith(root + sep)) return path
  throw new AppError('invalid_blob_key', 'Cannot use a blob key that leaves its directory', {
    status: 500,
  })
}

type StageOptions = {
  readonly path: string
  readonly source: Readable
  readonly maxBytes: number
}

async function stageFile({ path, source, maxBytes }: StageOptions): Promise<StagedBlob> {
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE })
  const aside = `${path}.${randomUUID()}${UNFINISHED}`
  try {
    const written = await writeAside(aside, source, maxBytes)
    return {
      ...written,
      async keep() {
        await rename(aside, path)
        await syncDirectory(dirname(path))
      },
      discard: async () => await rm(aside, { force: true }),
    }
  } catch (error) {
    await rm(aside, { force: true })
    throw isSystemError(error) ? createUnwritable(error) : error
  }
}

async function writeAside(
  aside: string,
  source: Readable,
  maxBytes: number,
): Promise<{ sizeBytes: number; sha256: Buffer }> {
  const hash = createHash('sha256')
  const file = await open(aside, 'wx', FILE_MODE)
  let sizeBytes = 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throwTooLarge(maxBytes)
      hash.update(chunk)
      await writeWhole(file, chunk)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { sizeBytes, sha256: hash.digest() }
}

async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  let offset = 0
  while (offset < chunk.length) {
    const { bytesWritten } = await file.write(chunk, offset)
    offset += bytesWritten
  }
}

// A rename lasts through a power cut only once its directory is on disk.
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeUnfinished(directory: string, since: Date): Promise<void> {
  const names = (await readdir(directory, { recursive: true }).catch(ignoreMissing)) ?? []
  for (const name of names.filter((entry) => entry.endsWith(UNFINISHED))) {
    const path = join(directory, name)
    const stats = await stat(path).catch(ignoreMissing)
    if (stats && stats.mtime < since) await rm(path, { force: true })
  }
}

async function statBlob(key: string, path: string): Promise<StoredBlob | undefined> {
  const stats = await stat(path).catch(ignoreMissing)
  return stats && { key, sizeBytes: stats.size }
}

async function readFileRange(path: string, start: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(ignoreMissing)
  if (!file)
    throw new AppError('blob_not_found', 'Cannot read the file: it is gone', { status: 404 })
  try {
    const buffer = Buffer.allocUnsafe(end - start)
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, start + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  } finally {
    await file.close()
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function createUnwritable(cause: unknown): AppError {
  return new AppError('blob_unwritable', 'Cannot store the file now: try again later', {
    status: 503,
    expose: true,
    retryAfterSeconds: 30,
    cause,
  })
}

function throwTooLarge(maxBytes: number): never {
  throw new AppError(
    'upload_too_large',
    `Cannot take the upload: the file is larger than ${maxBytes} bytes`,
    { status: 413 },
  )
}

function throwInUse(): never {
  throw new AppError('form_in_use', 'Cannot take the upload: the form is being used by another', {
    status: 409,
  })
}
