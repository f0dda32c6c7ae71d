import { randomUUID } from 'node:crypto'
import type { RemoteBlobStore, UploadForm } from '../../../connectors/blob/blob-store.ts'
import { createS3BlobStore } from '../../../connectors/blob/s3-store.ts'
import { waitUntil } from '../../support/polling.ts'
import { findWeed, startSeaweed, type TestS3 } from '../../support/seaweedfs.ts'

const MAX_BYTES = 100_000

const weed = await findWeed()
const suite = 'path' in weed ? describe : describe.skip
const title = 'path' in weed ? 'the S3 store' : `the S3 store (skipped: ${weed.missing})`

suite(title, () => {
  let s3: TestS3
  let store: RemoteBlobStore

  beforeAll(async () => {
    s3 = await startSeaweed('path' in weed ? weed.path : '')
    store = createS3BlobStore(s3.config)
  })
  afterAll(async () => {
    store.close()
    await s3.stop()
  })

  const createForm = async (key: string, expiresInMs = 60_000): Promise<UploadForm> =>
    await store.createForm({
      key,
      contentType: 'text/csv',
      maxBytes: MAX_BYTES,
      expiresAt: new Date(Date.now() + expiresInMs),
      origin: 'http://unused',
    })

  test('check() finds the bucket, and misses one that is not there', async () => {
    await expect(store.check()).resolves.toBeUndefined()
    const other = createS3BlobStore({ ...s3.config, bucket: 'nowhere' })
    await expect(other.check()).rejects.toThrow('Cannot use S3: it has no bucket "nowhere"')
    other.close()
  })

  test('check() says that credentials are refused', async () => {
    const other = createS3BlobStore({ ...s3.config, secretAccessKey: 'another' })
    await expect(other.check()).rejects.toThrow('Cannot use S3: it refuses the credentials')
    other.close()
  })

  test('a file that a form brought is claimed and read by ranges', async () => {
    const key = newKey()
    const form = await createForm(key)
    await expect(store.claim(key)).resolves.toBeUndefined()
    expect(await post(form, { file: '0123456789' })).toBeLessThan(300)
    const claimed = await store.claim(key)
    expect(claimed?.sizeBytes).toBe(10)
    const read = async (start: number, end: number): Promise<string> =>
      (await store.readRange(claimed?.key ?? '', start, end)).toString()
    await expect(read(0, 10)).resolves.toBe('0123456789')
    await expect(read(3, 5)).resolves.toBe('34')
    await expect(read(8, 100)).resolves.toBe('89')
    await expect(read(10, 20)).resolves.toBe('')
  })

  test('the first file counts: a later one changes nothing that was claimed', async () => {
    const key = newKey()
    const form = await createForm(key)
    await post(form, { file: 'first' })
    const claimed = await store.claim(key)
    await post(form, { file: 'second, longer' })
    await expect(store.claim(key)).resolves.toEqual(claimed)
    const bytes = await store.readRange(claimed?.key ?? '', 0, 100)
    expect(bytes.toString()).toBe('first')
  })

  test('remove() removes what was sent and what was claimed, and may be repeated', async () => {
    const key = newKey()
    await post(await createForm(key), { file: 'x' })
    const claimed = await store.claim(key)
    for (const _ of [1, 2]) await store.remove(key)
    await expect(store.stat(key)).resolves.toBeUndefined()
    await expect(store.stat(claimed?.key ?? '')).resolves.toBeUndefined()
    await expect(store.readRange(claimed?.key ?? '', 0, 1)).rejects.toMatchObject({
      code: 'blob_not_found',
    })
  })

  test.each([
    { title: 'over the limit', file: 'x'.repeat(MAX_BYTES + 1) },
    { title: 'empty', file: '' },
    { title: 'of another type', contentType: 'text/plain' },
    { title: 'without its type', contentType: '' },
    { title: 'to another key', alter: { key: 'some/prefix/other' } },
    { title: 'with another policy', alter: { Policy: Buffer.from('{}').toString('base64') } },
  ])('a file $title is refused and not stored', async ({ alter = {}, ...sending }) => {
    const key = newKey()
    const form = await createForm(key)
    const altered = { ...form, fields: { ...form.fields, ...alter } }
    const status = await post(altered, sending)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    await expect(store.claim(key)).resolves.toBeUndefined()
  })

  test('a form that has expired is refused', async () => {
    const key = newKey()
    const form = await createForm(key, 1_000)
    await waitUntil('the form is refused', async () => (await post(form, { file: '' })) === 403)
    expect(await post(form, {})).toBe(403)
    await expect(store.claim(key)).resolves.toBeUndefined()
  })
})

function newKey(): string {
  return `uploads/${randomUUID()}.csv`
}

type Sending = { readonly file?: string; readonly contentType?: string }

async function post(form: UploadForm, sending: Sending): Promise<number> {
  const { file = 'a,b\n', contentType = 'text/csv' } = sending
  const body = new FormData()
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value)
  if (contentType !== '') body.append('Content-Type', contentType)
  body.append('file', new Blob([file]), 'f.csv')
  const response = await fetch(form.url, { method: 'POST', body })
  await response.arrayBuffer()
  return response.status
}
