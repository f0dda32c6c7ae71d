import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { uploadIdOf } from '../../db/upload-housekeeping.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { alabama, alabamaScope, getForm, postFile, type FilePost } from '../support/uploads.ts'

const MAX_BYTES = 300_000

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ env: { MAX_UPLOAD_BYTES: String(MAX_BYTES) } })
})
afterAll(async () => await api.close())

test('the form takes one file, books it and queues its ingest', async () => {
  const form = await getForm(api)
  const file = 'ssn,licenseType\r\n'.repeat(1000)
  const response = await postFile(form, { file })
  expect(response.status).toBe(204)
  const { rows } = await api.db.query(
    `select state, size_bytes, sha256, sequence is not null as has_sequence, created_by,
       (select count(*) from workflow_starts where workflow_id = 'license-upload:' || u.id) as starts,
       (select action from audit_entries where subject_id = u.id::text) as audited
     from uploads u where id = $1`,
    [form.uploadId],
  )
  expect(rows).toEqual([
    {
      state: 'received',
      size_bytes: file.length,
      sha256: createHash('sha256').update(file).digest(),
      has_sequence: true,
      created_by: 'test-client',
      starts: 1,
      audited: 'upload.received',
    },
  ])
  await expect(readFile(blobPath(form.uploadId), 'utf8')).resolves.toBe(file)
})

test('the form says where to send which fields, and until when', async () => {
  const form = await getForm(api)
  expect(form.upload.url).toBe(`${api.url}/v1/blobs`)
  expect(Object.keys(form.upload.fields)).toEqual(['key', 'policy', 'signature'])
  const leftMs = Date.parse(form.expiresAt) - Date.now()
  expect(leftMs).toBeGreaterThan(3_500_000)
  expect(leftMs).toBeLessThanOrEqual(3_600_000)
})

test.each([
  ['another jurisdiction', '/v1/compacts/aslp/jurisdictions/oh/licenses', 403],
  ['another compact', '/v1/compacts/octp/jurisdictions/al/licenses', 403],
  ['an unknown compact', '/v1/compacts/nope/jurisdictions/al/licenses', 404],
  ['an unknown jurisdiction', '/v1/compacts/aslp/jurisdictions/zz/licenses', 404],
])('no form for %s', async (_, path, status) => {
  const response = await api.call(`${path}/bulk-upload`, { scope: alabamaScope })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
})

test('the coarse write scope alone gives no form', async () => {
  const response = await api.call(`${alabama}/bulk-upload`, { scope: 'aslp/write' })
  expect(response.status).toBe(403)
})

const refusals: readonly {
  readonly title: string
  readonly post: FilePost
  readonly status: number
  readonly code: string
}[] = [
  {
    title: 'a wrong type',
    post: { contentType: 'text/plain' },
    status: 415,
    code: 'wrong_content_type',
  },
  {
    title: 'a type with parameters',
    post: { contentType: 'text/csv; charset=utf-8' },
    status: 415,
    code: 'wrong_content_type',
  },
  { title: 'no type', post: { contentType: '' }, status: 415, code: 'wrong_content_type' },
  { title: 'an empty file', post: { file: '' }, status: 400, code: 'empty_upload' },
  {
    title: 'a file over the limit',
    post: { file: 'x'.repeat(MAX_BYTES + 1) },
    status: 413,
    code: 'upload_too_large',
  },
  {
    title: 'a part behind the file',
    post: { after: { note: 'late' } },
    status: 400,
    code: 'invalid_form',
  },
]

test.each(refusals)(
  'an upload with $title is refused and leaves nothing',
  async ({ post, status, code }) => {
    const form = await getForm(api)
    const response = await postFile(form, post)
    expect(await readRefusal(response)).toEqual({ status, code })
    await expectNothingStored(form.uploadId)
    // The form is as good as new.
    expect((await postFile(form)).status).toBe(204)
  },
)

test.each([
  ['its key', (fields: Fields) => ({ ...fields, key: 'uploads/other.csv' })],
  ['its policy', (fields: Fields) => ({ ...fields, policy: widen(fields['policy'] ?? '') })],
  ['its signature', (fields: Fields) => ({ ...fields, signature: `${fields['signature']}A` })],
  ['the key of its signature', (fields: Fields) => ({ ...fields, signature: 'other.AAAA' })],
  ['an additional field', (fields: Fields) => ({ ...fields, acl: 'public-read' })],
])('a form is refused with %s altered', async (_, alter) => {
  const form = await getForm(api)
  const response = await postFile(form, { fields: alter(form.upload.fields) })
  expect(await readRefusal(response)).toEqual({ status: 403, code: 'form_altered' })
  await expectNothingStored(form.uploadId)
})

test.each(['key', 'policy', 'signature'])('a form is refused without its %s', async (name) => {
  const form = await getForm(api)
  const { [name]: _, ...fields } = form.upload.fields
  expect(await readRefusal(await postFile(form, { fields }))).toEqual({
    status: 403,
    code: 'form_altered',
  })
})

test('a form is refused once it has expired', async () => {
  const brief = await startTestApi({ env: { UPLOAD_FORM_TTL_SECONDS: '1' } })
  try {
    const form = await getForm(brief)
    await waitUntil('the form expires', async () => {
      await Promise.resolve()
      return Date.now() > Date.parse(form.expiresAt)
    })
    expect(await readRefusal(await postFile(form))).toEqual({ status: 403, code: 'form_expired' })
  } finally {
    await brief.close()
  }
})

test('a form is refused the second time, and the first file stays', async () => {
  const form = await getForm(api)
  expect((await postFile(form, { file: 'first' })).status).toBe(204)
  expect(await readRefusal(await postFile(form, { file: 'second' }))).toEqual({
    status: 409,
    code: 'form_used',
  })
  await expect(readFile(blobPath(form.uploadId), 'utf8')).resolves.toBe('first')
})

test('of many uses at once one counts', async () => {
  const form = await getForm(api)
  const files = Array.from({ length: 8 }, (_, index) => String(index).repeat(200_000))
  const responses = await Promise.all(files.map(async (file) => await postFile(form, { file })))
  const statuses = responses.map(({ status }) => status).toSorted((a, b) => a - b)
  expect(statuses).toEqual([204, 409, 409, 409, 409, 409, 409, 409])
  const stored = await readFile(blobPath(form.uploadId), 'utf8')
  expect(stored).toBe(files[responses.findIndex(({ status }) => status === 204)])
})

test('an upload that breaks off leaves nothing, and the form can be used again', async () => {
  const form = await getForm(api)
  await sendHalf(form.upload.fields)
  await waitUntil(
    'the part file is gone',
    async () => (await listFiles(form.uploadId)).length === 0,
  )
  await expectNothingStored(form.uploadId)
  expect((await postFile(form)).status).toBe(204)
})

test('a form of a cancelled upload is refused', async () => {
  const form = await getForm(api)
  const cancelled = await api.call(`/v1/uploads/${form.uploadId}`, {
    method: 'DELETE',
    scope: alabamaScope,
  })
  expect(cancelled.status).toBe(202)
  expect(await readRefusal(await postFile(form))).toEqual({ status: 409, code: 'form_used' })
})

test.each([
  ['200', 200],
  ['201', 201],
  ['204', 204],
  ['500', 204],
])('success_action_status %s is answered with %i', async (wanted, status) => {
  const form = await getForm(api)
  const fields = { ...form.upload.fields, success_action_status: wanted }
  expect((await postFile(form, { fields })).status).toBe(status)
})

test.each([
  ['no file', () => toForm({})],
  ['the file as a field', () => toForm({ file: 'a,b' })],
])('a form with %s is refused', async (_, createBody) => {
  const response = await fetch(`${api.url}/v1/blobs`, { method: 'POST', body: createBody() })
  expect(await readRefusal(response)).toEqual({ status: 400, code: 'invalid_form' })
})

test('a body that is no form is refused', async () => {
  const post = async (contentType: string): Promise<Response> =>
    await fetch(`${api.url}/v1/blobs`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: 'hello',
    })
  expect(await readRefusal(await post('text/csv'))).toEqual({
    status: 415,
    code: 'unsupported_media_type',
  })
  expect(await readRefusal(await post('multipart/form-data'))).toEqual({
    status: 400,
    code: 'invalid_form',
  })
  expect(await readRefusal(await post('multipart/form-data; boundary=x'))).toEqual({
    status: 400,
    code: 'invalid_form',
  })
})

test('curl sends a file as the documentation says', async () => {
  const form = await getForm(api)
  const response = await postFile(form, {
    file: new Blob(['ssn\n'], { type: 'application/octet-stream' }),
  })
  expect(response.status).toBe(204)
})

type Fields = Readonly<Record<string, string>>

function widen(policy: string): string {
  const document = JSON.parse(Buffer.from(policy, 'base64').toString()) as object // of our own form
  return Buffer.from(JSON.stringify({ ...document, maxBytes: 2 ** 40 })).toString('base64')
}

function toForm(fields: Fields): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

async function readRefusal(response: Response): Promise<object> {
  const { code } = (await response.json()) as { code?: unknown } // a problem
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return { status: response.status, code }
}

async function expectNothingStored(uploadId: string): Promise<void> {
  await expect(listFiles(uploadId)).resolves.toEqual([])
  const { rows } = await api.db.query('select state from uploads where id = $1', [uploadId])
  expect(rows).toEqual([{ state: 'awaiting-file' }])
}

function blobPath(uploadId: string): string {
  return join(api.config.dataDir, 'blobs', 'uploads', `${uploadId}.csv`)
}

async function listFiles(uploadId: string): Promise<string[]> {
  const names = await readdir(join(api.config.dataDir, 'blobs', 'uploads')).catch(() => [])
  return names.filter((name) => name.startsWith(uploadId))
}

// Half of a form with a file, then the end of the connection.
async function sendHalf(fields: Fields): Promise<void> {
  const parts = Object.entries({ ...fields, 'Content-Type': 'text/csv' }).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n'
  const request = httpRequest(`${api.url}/v1/blobs`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '1000000' },
  })
  request.on('error', () => {})
  request.write(`${parts.join('')}${head}${'x'.repeat(100_000)}`)
  await waitUntil(
    'a part file is there',
    async () => (await listFiles(uploadIdOf(fields['key'] ?? ''))).length > 0,
  )
  request.destroy()
}
