import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createUploadActivities, type UploadActivities } from '../../activities/upload.ts'
import type { BlobStore, RemoteBlobStore } from '../../connectors/blob/blob-store.ts'
import { createFileBlobStore } from '../../connectors/blob/file-store.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { endUpload } from '../../db/upload-closing.ts'
import { formKey } from '../../db/upload-housekeeping.ts'
import { getUpload } from '../../db/uploads.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { seedChunk, seedUpload } from '../support/uploads.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

/** A bucket in memory: what was sent to a form, and what was claimed of it. */
class Bucket implements RemoteBlobStore {
  readonly kind = 's3'
  readonly sent = new Map<string, Buffer>()
  readonly claimed = new Map<string, Buffer>()

  async createForm(): ReturnType<BlobStore['createForm']> {
    return await Promise.reject(new Error('not used'))
  }

  async claim(key: string): ReturnType<BlobStore['claim']> {
    const sent = this.sent.get(key)
    if (sent && !this.claimed.has(key)) this.claimed.set(key, sent)
    return await this.stat(`claimed/${key}`)
  }

  async stat(key: string): ReturnType<BlobStore['stat']> {
    const bytes = this.claimed.get(key.slice('claimed/'.length))
    return await Promise.resolve(bytes && { key, sizeBytes: bytes.length })
  }

  async put(): Promise<void> {
    await Promise.reject(new Error('not used'))
  }

  async readRange(): Promise<Buffer> {
    return await Promise.reject(new Error('not used'))
  }

  async remove(key: string): Promise<void> {
    this.sent.delete(key)
    this.claimed.delete(key)
    await Promise.resolve()
  }

  async removeUnfinished(): Promise<void> {
    await Promise.resolve()
  }

  async check(): Promise<void> {
    await Promise.resolve()
  }

  close(): void {}
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  return await new MockActivityEnvironment().run(work)
}

function createActivities(blobs: BlobStore): UploadActivities {
  return createUploadActivities({ db: database.db, blobs })
}

async function expireForm(uploadId: string): Promise<void> {
  await database.db.query(
    `update uploads set expires_at = now() - interval '1 day' where id = $1`,
    [uploadId],
  )
}

test('awaitFile() answers at once for a file that is there', async () => {
  const uploadId = await seedUpload(database.db)
  const { awaitFile } = createActivities(new Bucket())
  await expect(run(async () => await awaitFile({ uploadId }))).resolves.toEqual({
    received: true,
    kind: 'license',
    sizeBytes: 1000,
  })
})

test('awaitFile() asks to be tried again until a bucket has the file, and claims it', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  const bucket = new Bucket()
  const { awaitFile } = createActivities(bucket)
  await expect(run(async () => await awaitFile({ uploadId }))).rejects.toMatchObject({
    type: 'file_awaited',
    nonRetryable: false,
    category: 'BENIGN',
    nextRetryDelay: 1000,
  })
  bucket.sent.set(formKey(uploadId), Buffer.from('hello'))
  await expect(run(async () => await awaitFile({ uploadId }))).resolves.toEqual({
    received: true,
    kind: 'license',
    sizeBytes: 5,
  })
  await expect(getUpload(database.db, uploadId)).resolves.toMatchObject({
    state: 'received',
    blobKey: `claimed/${formKey(uploadId)}`,
    sizeBytes: 5,
    sequence: expect.any(Number) as number,
  })
})

test('awaitFile() looks less often for the file of an old form', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  await database.db.query(
    `update uploads set created_at = now() - interval '50 minutes' where id = $1`,
    [uploadId],
  )
  const { awaitFile } = createActivities(new Bucket())
  await expect(run(async () => await awaitFile({ uploadId }))).rejects.toMatchObject({
    nextRetryDelay: 15_000,
  })
})

test('awaitFile() ends an upload whose form expires unused', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  await expireForm(uploadId)
  const { awaitFile } = createActivities(new Bucket())
  await expect(run(async () => await awaitFile({ uploadId }))).resolves.toEqual({
    received: false,
    state: 'failed',
  })
  await expect(getUpload(database.db, uploadId)).resolves.toMatchObject({
    failureCode: 'form_expired',
  })
})

test('awaitFile() tells of an upload that was cancelled meanwhile', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  await endUpload(database.db, { uploadId, state: 'cancelled' })
  const { awaitFile } = createActivities(new Bucket())
  await expect(run(async () => await awaitFile({ uploadId }))).resolves.toEqual({
    received: false,
    state: 'cancelled',
  })
})

test('closeUpload() closes the books once, however often it runs', async () => {
  const uploadId = await seedUpload(database.db)
  await seedChunk(database.db, { uploadId, chunk: 0, rows: 5, rejected: 1, applied: true })
  const { closeUpload } = createActivities(new Bucket())
  const first = await run(async () => await closeUpload({ uploadId, state: 'completed' }))
  const again = await run(async () => await closeUpload({ uploadId, state: 'failed' }))
  expect(first).toMatchObject({ closed: true, state: 'completed', counts: { records: 5 } })
  expect(again).toEqual({ ...first, closed: false })
  const { rows } = await database.db.query(
    `select
       (select count(*) from upload_digests where upload_id = $1::uuid) as digests,
       (select count(*) from audit_entries where subject_id = $1::text and action = 'upload.completed') as audited`,
    [uploadId],
  )
  expect(rows).toEqual([{ digests: 1, audited: 1 }])
})

test('removeFile() removes a local file for good, one in a bucket until its form expires', async () => {
  const uploadId = await seedUpload(database.db)
  const bucket = new Bucket()
  bucket.sent.set(formKey(uploadId), Buffer.from('x'))
  await run(async () => await createActivities(bucket).removeFile({ uploadId }))
  expect(bucket.sent.size).toBe(0)
  await expect(hasLeftFile(uploadId)).resolves.toBe(true)
  const directory = await mkdtemp(join(tmpdir(), 'registrar-blobs-'))
  const store = createFileBlobStore({ directory, ring: createKeyRing(generateKeyRingDocument()) })
  await (await store.stage(formKey(uploadId), Readable.from([Buffer.from('x')]), 10)).keep()
  await run(async () => await createActivities(store).removeFile({ uploadId }))
  await expect(store.stat(formKey(uploadId))).resolves.toBeUndefined()
  await expect(hasLeftFile(uploadId)).resolves.toBe(false)
  await rm(directory, { recursive: true })
})

async function hasLeftFile(uploadId: string): Promise<boolean> {
  const { rows } = await database.db.query<{ left: boolean }>(
    'select blob_removed_at is null as left from uploads where id = $1',
    [uploadId],
  )
  return rows[0]?.left ?? false
}
