import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { LocalBlobStore } from '../../../connectors/blob/blob-store.ts'
import { createFileBlobStore } from '../../../connectors/blob/file-store.ts'
import { createKeyRing, generateKeyRingDocument } from '../../../crypto/key-ring.ts'

const LIMIT = 1_000_000

let directory: string
let store: LocalBlobStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-blobs-'))
  store = createFileBlobStore({ directory, ring: createKeyRing(generateKeyRingDocument()) })
})
afterEach(async () => await rm(directory, { recursive: true, force: true }))

test('a file counts once it is kept', async () => {
  const staged = await store.stage('uploads/a.csv', Readable.from([Buffer.from('01234')]), LIMIT)
  await expect(store.stat('uploads/a.csv')).resolves.toBeUndefined()
  await staged.keep()
  await expect(store.claim('uploads/a.csv')).resolves.toEqual({
    key: 'uploads/a.csv',
    sizeBytes: 5,
  })
  await expect(readdir(join(directory, 'uploads'))).resolves.toEqual(['a.csv'])
})

test('a file that is discarded leaves nothing', async () => {
  const staged = await store.stage('uploads/a.csv', Readable.from([Buffer.from('x')]), LIMIT)
  await staged.discard()
  await expect(readdir(join(directory, 'uploads'))).resolves.toEqual([])
})

test('stage() stops reading at the limit and leaves nothing', async () => {
  let given = 0
  const source = Readable.from(
    (function* () {
      for (; given < 100; given += 1) yield Buffer.alloc(1000)
    })(),
    { highWaterMark: 1 },
  )
  await expect(store.stage('uploads/a.csv', source, 10_000)).rejects.toMatchObject({
    code: 'upload_too_large',
    status: 413,
  })
  expect(given).toBeLessThan(20)
  await expect(readdir(join(directory, 'uploads'))).resolves.toEqual([])
})

test('stage() of a source that breaks off leaves nothing, and the key can be used again', async () => {
  const broken = new Readable({
    read() {
      this.push(Buffer.from('x'))
      this.destroy(new Error('gone'))
    },
  })
  await expect(store.stage('uploads/a.csv', broken, LIMIT)).rejects.toThrow('gone')
  await expect(readdir(join(directory, 'uploads'))).resolves.toEqual([])
  const staged = await store.stage('uploads/a.csv', Readable.from([]), LIMIT)
  expect(staged.sizeBytes).toBe(0)
})

test('stage() refuses a second stream to the same key', async () => {
  const open = new Readable({ read() {} })
  const first = store.stage('uploads/a.csv', open, LIMIT)
  await expect(store.stage('uploads/a.csv', Readable.from([]), LIMIT)).rejects.toMatchObject({
    code: 'form_in_use',
    status: 409,
  })
  open.push(null)
  await expect(first).resolves.toMatchObject({ sizeBytes: 0 })
})

test('readRange() reads [start, end), shorter at the end of the file', async () => {
  const staged = await store.stage('a', Readable.from([Buffer.from('0123456789')]), LIMIT)
  await staged.keep()
  const read = async (start: number, end: number): Promise<string> =>
    (await store.readRange('a', start, end)).toString()
  await expect(read(2, 4)).resolves.toBe('23')
  await expect(read(8, 20)).resolves.toBe('89')
  await expect(read(10, 20)).resolves.toBe('')
  await expect(store.readRange('b', 0, 1)).rejects.toMatchObject({ code: 'blob_not_found' })
})

test('removeUnfinished() removes what a process left half written, and nothing else', async () => {
  const folder = join(directory, 'uploads')
  await (await store.stage('uploads/a.csv', Readable.from([Buffer.from('x')]), LIMIT)).keep()
  await writeFile(join(folder, 'dead.csv.1.part'), 'x')
  await utimes(join(folder, 'dead.csv.1.part'), 1, 1)
  await writeFile(join(folder, 'alive.csv.2.part'), 'x')
  await utimes(join(folder, 'a.csv'), 1, 1)
  await store.removeUnfinished(new Date(Date.now() - 600_000))
  await expect(readdir(folder)).resolves.toEqual(['a.csv', 'alive.csv.2.part'])
})

test('removeUnfinished() takes a directory that is not there yet', async () => {
  await rm(directory, { recursive: true })
  await expect(store.removeUnfinished(new Date())).resolves.toBeUndefined()
})

test('remove() may be repeated', async () => {
  const staged = await store.stage('a', Readable.from([Buffer.from('x')]), LIMIT)
  await staged.keep()
  for (const _ of [1, 2]) await store.remove('a')
  await expect(store.stat('a')).resolves.toBeUndefined()
})

test.each(['../a', 'uploads/../../a'])(
  'a key that leaves the directory is refused: %s',
  async (key) => {
    await expect(store.stat(key)).rejects.toMatchObject({ code: 'invalid_blob_key' })
  },
)

test('a form signed by a key that has left the ring is refused', async () => {
  const claims = { key: 'a', contentType: 'text/csv', maxBytes: 1 }
  const expiresAt = new Date(Date.now() + 600_000)
  const form = await store.createForm({ ...claims, expiresAt, origin: 'http://localhost' })
  const fields = new Map(Object.entries(form.fields))
  expect(store.openForm(fields, new Date())).toEqual(claims)
  const other = createFileBlobStore({ directory, ring: createKeyRing(generateKeyRingDocument()) })
  expect(() => other.openForm(fields, new Date())).toThrow(
    expect.objectContaining({ code: 'form_altered' }) as Error,
  )
})
