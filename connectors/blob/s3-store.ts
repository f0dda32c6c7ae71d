import { createReadStream } from 'node:fs'
import { stat as fileStat } from 'node:fs/promises'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import type { BlobConfig } from '../../config/config.ts'
import { AppError } from '../../core/errors.ts'
import type { FormRequest, RemoteBlobStore, StoredBlob, UploadForm } from './blob-store.ts'

export type S3Config = Extract<BlobConfig, { readonly kind: 's3' }>

/** Where claimed objects go: outside of every form's key. */
const CLAIMED_FOLDER = 'claimed/'
// A copy within the bucket answers only when it is done.
const REQUEST_TIMEOUT_MS = 120_000

/** Keeps blobs as objects of an S3 bucket, below the configured prefix. */
export function createS3BlobStore(config: S3Config): RemoteBlobStore {
  const client = createClient(config)
  const toObject = (key: string): ObjectName => ({
    Bucket: config.bucket,
    Key: `${config.prefix}${key}`,
  })
  const stat = async (key: string): Promise<StoredBlob | undefined> =>
    await statObject(client, toObject(key), key)
  return {
    kind: 's3',
    createForm: async (request) => await presign(client, toObject(request.key), request),
    stat,
    async put(key, path) {
      const { size: ContentLength } = await fileStat(path)
      const Body = createReadStream(path)
      await client.send(new PutObjectCommand({ ...toObject(key), Body, ContentLength }))
    },
    async claim(key) {
      const claimed = `${CLAIMED_FOLDER}${key}`
      const known = await stat(claimed)
      if (known) return known
      const uploaded = await findETag(client, toObject(key))
      if (uploaded === undefined) return undefined
      await copyObject(client, { from: toObject(key), to: toObject(claimed), eTag: uploaded })
      return await stat(claimed)
    },
    readRange: async (key, start, end) =>
      await readObjectRange(client, toObject(key), [start, end]),
    async remove(key) {
      await client.send(new DeleteObjectCommand(toObject(key)))
      await client.send(new DeleteObjectCommand(toObject(`${CLAIMED_FOLDER}${key}`)))
    },
    // S3 keeps nothing of an upload that broke off.
    removeUnfinished: async () => await Promise.resolve(),
    check: async () => await checkBucket(client, config.bucket),
    close: () => client.destroy(),
  }
}

type ObjectName = { readonly Bucket: string; readonly Key: string }

function createClient(config: S3Config): S3Client {
  return new S3Client({
    region: config.region,
    forcePathStyle: config.pathStyle,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
    requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: 5_000 },
    // Stores other than S3 itself do not know the SDK's default checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

// The answer to HEAD has no body that would say more than its status.
async function checkBucket(client: S3Client, bucket: string): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }))
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
    if (status === 404) throw createUnusable(`it has no bucket "${bucket}"`, error)
    if (status === 403) throw createUnusable('it refuses the credentials', error)
    throw error
  }
}

function createUnusable(reason: string, cause: unknown): AppError {
  return new AppError('blob_unusable', `Cannot use S3: ${reason}`, { status: 503, cause })
}

async function presign(
  client: S3Client,
  object: ObjectName,
  request: FormRequest,
): Promise<UploadForm> {
  const seconds = Math.max(1, Math.floor((request.expiresAt.getTime() - Date.now()) / 1000))
  return await createPresignedPost(client, {
    ...object,
    Conditions: [
      ['content-length-range', 1, request.maxBytes],
      ['eq', '$Content-Type', request.contentType],
    ],
    Expires: seconds,
  })
}

async function statObject(
  client: S3Client,
  object: ObjectName,
  key: string,
): Promise<StoredBlob | undefined> {
  try {
    const { ContentLength } = await client.send(new HeadObjectCommand(object))
    return { key, sizeBytes: ContentLength ?? 0 }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function findETag(client: S3Client, object: ObjectName): Promise<string | undefined> {
  try {
    return (await client.send(new HeadObjectCommand(object))).ETag
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

type Copying = { readonly from: ObjectName; readonly to: ObjectName; readonly eTag: string }

async function copyObject(client: S3Client, { from, to, eTag }: Copying): Promise<void> {
  const source = [from.Bucket, ...from.Key.split('/')].map(encodeURIComponent).join('/')
  await client.send(new CopyObjectCommand({ ...to, CopySource: source, CopySourceIfMatch: eTag }))
}

async function readObjectRange(
  client: S3Client,
  object: ObjectName,
  [start, end]: readonly [number, number],
): Promise<Buffer> {
  try {
    const { Body } = await client.send(
      new GetObjectCommand({ ...object, Range: `bytes=${start}-${end - 1}` }),
    )
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  } catch (error) {
    // Past the end: there is nothing, as in a file.
    if (error instanceof S3ServiceException && error.name === 'InvalidRange') return Buffer.alloc(0)
    if (!isMissing(error)) throw error
    throw new AppError('blob_not_found', 'Cannot read the file: it is gone', {
      status: 404,
      cause: error,
    })
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404
}
