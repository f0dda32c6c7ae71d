import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pino } from 'pino'
import { writeDistrictArchive } from '../../../cli/sample-district/csv-archive.ts'
import { createBlobStore } from '../../../connectors/blob/create-blob-store.ts'
import { rosterUploadKey } from '../../../db/roster/uploads.ts'
import { tidyUp } from '../../../workers/housekeeping.ts'
import { openUploadedRoster } from '../../../workers/roster-archives.ts'
import { startTestApi, type TestApi } from '../../support/http.ts'
import { createTestDistrict, pull } from '../../support/roster-servers.ts'
import {
  addProvider,
  createTenantCaller,
  setRunState,
  type TenantCaller,
} from '../../support/rosters.ts'

const tenant = 'spring-valley'
const log = pino({ level: 'silent' })

let api: TestApi
let call: TenantCaller
let providerId: string
const archives: Record<'bulk' | 'delta', Buffer> = { bulk: Buffer.of(), delta: Buffer.of() }

beforeAll(async () => {
  api = await startTestApi({ env: { MAX_UPLOAD_BYTES: '100000' } })
  call = createTenantCaller(api, tenant)
  archives.bulk = await createArchive({})
  archives.delta = await createArchive({ since: '2026-07-01T00:00:00.000Z' })
})
beforeEach(async () => {
  await api.db.query('truncate roster_providers cascade')
  providerId = await addProvider(call, tenant, { kind: 'oneroster' })
})
afterAll(async () => {
  await api.close()
})

async function createArchive(options: { readonly since?: string }): Promise<Buffer> {
  const target = new PassThrough()
  const [content] = await Promise.all([
    buffer(target),
    writeDistrictArchive(createTestDistrict('oneroster'), target, options),
  ])
  return content
}

type Json = Record<string, unknown>

async function upload(content: Uint8Array, query = '', as = tenant): Promise<[number, Json]> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(content)], { type: 'application/zip' }), 'roster.zip')
  const token = await api.token('roster:sync', { tenant: as })
  const response = await api.call(
    `/v1/uploads?kind=oneroster-csv&providerId=${providerId}${query}`,
    { method: 'POST', body: form, headers: { authorization: `Bearer ${token}` } },
  )
  return [response.status, (await response.json()) as Json]
}

test.each([
  ['bulk', 'full'],
  ['delta', 'incremental'],
] as const)('a %s archive starts a %s run that reads it', async (kind, mode) => {
  const [status, { uploadId, syncId, statusUrl }] = await upload(archives[kind])
  expect(status).toBe(202)
  expect(statusUrl).toBe(`/sync/${tenant}/history/${String(syncId)}`)
  const run = await (await call(String(statusUrl))).json()
  expect(run).toMatchObject({ syncId, providerId, mode, trigger: 'upload', state: 'queued' })
  const { rows } = await api.db.query('select upload_id from roster_runs')
  expect(rows).toEqual([{ upload_id: uploadId }])
  const blobs = await createBlobStore(api.config.blob, api.ring)
  const source = await openUploadedRoster(blobs, String(uploadId))
  const { entries, faults } = await pull(source, mode)
  source.close()
  expect(entries.filter(({ op }) => op === 'put').length).toBeGreaterThan(60)
  expect(faults).toEqual([])
  blobs.close()
})

test('an upload is shown by its id with what its run has come to, and cancelled', async () => {
  const [, { uploadId, syncId }] = await upload(archives.bulk)
  const path = `/v1/uploads/${String(uploadId)}`
  const show = async (): Promise<Json> => (await (await call(path)).json()) as Json
  const first = await call(path)
  expect([first.status, first.headers.get('retry-after')]).toEqual([200, '1'])
  expect(await first.json()).toEqual({
    uploadId,
    kind: 'oneroster-csv',
    providerId,
    syncId,
    state: 'received',
    createdAt: expect.any(String) as unknown,
    receivedAt: expect.any(String) as unknown,
    startedAt: null,
    finishedAt: null,
    cancelRequested: false,
    bytes: { total: archives.bulk.length },
    counts: expect.objectContaining({ users: expect.any(Object) as unknown }) as unknown,
    progress: expect.objectContaining({ done: 0 }) as unknown,
    failureCode: null,
    links: {
      self: path,
      run: `/sync/${tenant}/history/${String(syncId)}`,
      events: `/sync/${tenant}/events?providerId=${providerId}`,
      errors: `/sync/${tenant}/history/${String(syncId)}/errors`,
    },
  })
  for (const [state, told] of [
    ['pulling', 'validating'],
    ['held', 'ingesting'],
    ['partial', 'completed'],
    ['failed', 'failed'],
    ['discarded', 'cancelled'],
    ['applying', 'ingesting'],
  ] as const) {
    await setRunState(api.db, String(syncId), { state })
    expect(await show()).toMatchObject({ state: told })
  }
  expect((await call(path, { method: 'DELETE', scope: 'roster:read' })).status).toBe(404)
  const cancel = await call(path, { method: 'DELETE' })
  expect([cancel.status, await cancel.json()]).toMatchObject([202, { cancelRequested: true }])
  expect(await show()).toMatchObject({ cancelRequested: true })
  await setRunState(api.db, String(syncId), { state: 'stopped' })
  expect(await show()).toMatchObject({
    state: 'cancelled',
    finishedAt: expect.any(String) as unknown,
  })
  const late = await call(path, { method: 'DELETE' })
  expect([late.status, await late.json()]).toMatchObject([409, { code: 'upload_ended' }])
})

test('an upload is there for its tenant and its scopes alone', async () => {
  const [, { uploadId }] = await upload(archives.bulk)
  const path = `/v1/uploads/${String(uploadId)}`
  for (const method of ['GET', 'DELETE']) {
    expect((await call(path, { method, tenant: 'other' })).status).toBe(404)
    expect((await call(path, { method, scope: 'aslp/al.write roster:admin' })).status).toBe(404)
    expect((await api.call(path, { method, scope: 'roster:read roster:sync' })).status).toBe(404)
  }
})

test('an archive is kept until its run has ended', async () => {
  const [, { uploadId, syncId }] = await upload(archives.bulk)
  const blobs = await createBlobStore(api.config.blob, api.ring)
  const isKept = async (): Promise<boolean> =>
    (await blobs.stat(rosterUploadKey(String(uploadId)))) !== undefined
  await tidyUp({ db: api.db, blobs, log }, new Date())
  expect(await isKept()).toBe(true)
  await setRunState(api.db, String(syncId), { state: 'succeeded' })
  await tidyUp({ db: api.db, blobs, log }, new Date())
  expect(await isKept()).toBe(false)
  blobs.close()
})

test('what is no archive is refused, and nothing of it is kept', async () => {
  expect(await upload(Buffer.from('no zip'))).toMatchObject([422, { code: 'invalid_archive' }])
  expect((await upload(Buffer.alloc(100_001)))[0]).toBe(413)
  const { rows } = await api.db.query('select from roster_runs')
  expect(rows).toEqual([])
})

test('beside a run that is under way an archive is refused, and not kept', async () => {
  const [, { syncId }] = await upload(archives.bulk)
  const folder = join(api.config.dataDir, 'blobs', 'rosters')
  const before = await readdir(folder)
  expect(await upload(archives.bulk)).toMatchObject([409, { code: 'sync_running', syncId }])
  expect(await readdir(folder)).toEqual(before)
})

test('another tenant’s provider, and a token without a tenant, find nothing', async () => {
  expect((await upload(archives.bulk, '', 'other'))[0]).toBe(404)
  expect((await upload(archives.bulk, '&more=1'))[0]).toBe(400)
  const response = await api.call(`/v1/uploads?kind=oneroster-csv&providerId=${providerId}`, {
    method: 'POST',
    scope: 'roster:sync',
    body: new FormData(),
  })
  expect(response.status).toBe(404)
})
