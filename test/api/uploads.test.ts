import { advanceUpload } from '../../db/uploads.ts'
import { endUpload } from '../../db/upload-closing.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { alabamaScope as scope, seedChunk, seedUpload } from '../support/uploads.ts'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => await api.close())

type View = {
  readonly uploadId: string
  readonly state: string
  readonly counts: Readonly<Record<string, number>>
}

async function read(uploadId: string, granted = scope): Promise<Response> {
  return await api.call(`/v1/uploads/${uploadId}`, { scope: granted })
}

test('a running upload shows bytes, rows, counts and an estimate', async () => {
  const uploadId = await seedUpload(api.db)
  await advanceUpload(api.db, uploadId, 'ingesting')
  await seedChunk(api.db, { uploadId, chunk: 0, rows: 10, rejected: 2, applied: true })
  await seedChunk(api.db, { uploadId, chunk: 1, rows: 20, rejected: 3 })
  const response = await read(uploadId)
  expect(response.headers.get('retry-after')).toBe('1')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.json()).toMatchObject({
    uploadId,
    kind: 'license',
    compact: 'aslp',
    jurisdiction: 'al',
    state: 'ingesting',
    bytes: { total: 1000, processed: 200 },
    rows: { total: null, validated: 30, ingested: 10 },
    etaSeconds: expect.any(Number) as number,
    counts: {
      records: 13,
      accepted: 8,
      rejected: 5,
      duplicates: 0,
      unchanged: 0,
      created: 8,
      updated: 0,
      stale: 0,
    },
    fileFaults: [],
    links: { events: `/v1/uploads/${uploadId}/events` },
  })
})

test('an upload is found by its id in either case', async () => {
  const uploadId = await seedUpload(api.db)
  expect((await read(uploadId.toUpperCase())).status).toBe(200)
})

test('an ended upload keeps its counts and needs no further look', async () => {
  const uploadId = await seedUpload(api.db)
  await seedChunk(api.db, { uploadId, chunk: 0, rows: 10, rejected: 2, applied: true })
  await endUpload(api.db, { uploadId, state: 'completed' })
  const response = await read(uploadId)
  expect(response.headers.get('retry-after')).toBeNull()
  expect(await response.json()).toMatchObject({
    state: 'completed',
    bytes: { total: 1000, processed: 1000 },
    rows: { total: 10, validated: 10, ingested: 10 },
    etaSeconds: null,
    counts: { records: 10, accepted: 8, rejected: 2 },
  })
})

test('an upload that has not changed is answered with 304 to its ETag', async () => {
  const uploadId = await seedUpload(api.db)
  const etag = (await read(uploadId)).headers.get('etag') ?? ''
  const look = async (tags = etag): Promise<number> =>
    (await api.call(`/v1/uploads/${uploadId}`, { scope, headers: { 'If-None-Match': tags } }))
      .status
  for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    await expect(look(tags)).resolves.toBe(304)
  }
  await expect(look('"other"')).resolves.toBe(200)
  await advanceUpload(api.db, uploadId, 'validating')
  await expect(look()).resolves.toBe(200)
})

const paths = ['', '/events', '/errors', '/errors.csv', '/rejected.csv', '/warnings']

test.each(paths)('others do not learn that an upload exists: GET …%s', async (path) => {
  const uploadId = await seedUpload(api.db)
  for (const granted of [
    '',
    'aslp/write',
    'aslp/write aslp/oh.write',
    'octp/write octp/al.write',
  ]) {
    const response = await api.call(`/v1/uploads/${uploadId}${path}`, { scope: granted })
    expect(response.status).toBe(404)
  }
})

test('another tenant does not learn that an upload exists', async () => {
  const uploadId = await seedUpload(api.db, { tenant: 'north' })
  const readAs = async (tenant: string): Promise<number> => {
    const token = await api.token(scope, { tenant })
    const headers = { authorization: `Bearer ${token}` }
    return (await api.call(`/v1/uploads/${uploadId}`, { headers })).status
  }
  await expect(readAs('north')).resolves.toBe(200)
  await expect(readAs('south')).resolves.toBe(404)
})

test.each(['no-uuid', '0190b3a2-5c1e-7c4a-9d3e-2f6b8a1c4d5e'])(
  'upload %s is unknown',
  async (id) => {
    expect((await read(id)).status).toBe(404)
  },
)

test('the list has the uploads of the token, newest first, page by page', async () => {
  const granted = 'coun/write coun/ak.write coun/az.write'
  const seeded: string[] = []
  for (const jurisdiction of ['ak', 'az', 'ak', 'ar', 'az']) {
    const id = await seedUpload(api.db, { compact: 'coun', jurisdiction })
    if (jurisdiction !== 'ar') seeded.unshift(id)
  }
  const first = await api.call('/v1/uploads?limit=3', { scope: granted })
  const page = (await first.json()) as { items: View[]; next: string } // as documented
  const second = await api.call(nextOf(first), { scope: granted })
  const rest = (await second.json()) as { items: View[]; next: null } // as documented
  expect(page.items.map(({ uploadId }) => uploadId)).toHaveLength(3)
  expect([...page.items, ...rest.items].map(({ uploadId }) => uploadId)).toEqual(seeded)
  expect(rest.next).toBeNull()
  expect(second.headers.get('link')).toBeNull()
})

test('a cursor of another list is refused', async () => {
  const response = await api.call('/v1/uploads?cursor=abc', { scope })
  expect(response.status).toBe(400)
})

test('an upload that has not begun is cancelled at once, audited', async () => {
  for (const received of [false, true]) {
    const uploadId = await seedUpload(api.db, { received })
    const response = await api.call(`/v1/uploads/${uploadId}`, { method: 'DELETE', scope })
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({ state: 'cancelled' })
    const { rows } = await api.db.query(
      `select action from audit_entries where subject_id = $1 and action = 'upload.cancelled'`,
      [uploadId],
    )
    expect(rows).toHaveLength(1)
  }
})

test('the run of a running upload is told to end, once', async () => {
  const uploadId = await seedUpload(api.db)
  await advanceUpload(api.db, uploadId, 'validating')
  for (const _ of [1, 2]) {
    const response = await api.call(`/v1/uploads/${uploadId}`, { method: 'DELETE', scope })
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({ state: 'validating', cancelRequested: true })
  }
  const { rows } = await api.db.query(
    'select signal_name from workflow_starts where workflow_id = $1',
    [`license-upload:${uploadId}`],
  )
  expect(rows).toEqual([{ signal_name: 'cancelUpload' }])
})

test('an upload that has ended cannot be cancelled', async () => {
  const uploadId = await seedUpload(api.db)
  await endUpload(api.db, { uploadId, state: 'completed' })
  const response = await api.call(`/v1/uploads/${uploadId}`, { method: 'DELETE', scope })
  expect(response.status).toBe(409)
})

test('others cannot cancel an upload', async () => {
  const uploadId = await seedUpload(api.db)
  const init = { method: 'DELETE', scope: 'aslp/write aslp/oh.write' }
  expect((await api.call(`/v1/uploads/${uploadId}`, init)).status).toBe(404)
})

function nextOf(response: Response): string {
  return /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? ''
}
