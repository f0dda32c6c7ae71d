import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiClient } from '../../cli/client.ts'
import { openApiClient } from '../../cli/client.ts'
import type { Output } from '../../cli/output.ts'
import { exitCodeOf } from '../../cli/upload.ts'
import { uploadFile, type UploadResult } from '../../cli/upload-file.ts'
import { showUpload } from '../../cli/upload-report.ts'
import { endUpload } from '../../db/upload-closing.ts'
import { recordColumns, recordFileFaults, type EndState } from '../../db/uploads.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { alabamaScope, seedChunk, seedFault } from '../support/uploads.ts'

let api: TestApi
let client: ApiClient
let directory: string
let file: string

beforeAll(async () => {
  api = await startTestApi({ env: { MAX_UPLOAD_BYTES: '1000000' } })
  client = await openApiClient({
    api: api.url,
    token: await api.token(alabamaScope),
    config: api.config,
    scope: '',
  })
  directory = await mkdtemp(join(tmpdir(), 'registrar-upload-'))
  file = join(directory, 'licenses.csv')
  await writeFile(file, 'ssn,familyName\r\n'.repeat(10_000))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
  await api.close()
})

const job = (path = file): Parameters<typeof uploadFile>[0] => ({
  client,
  file: path,
  compact: 'aslp',
  jurisdiction: 'al',
})

test('a file that is accepted whole leaves nothing beside it', async () => {
  const [result] = await Promise.all([
    uploadFile(job()),
    ingest(async (uploadId) => {
      await seedChunk(api.db, { uploadId, chunk: 0, rows: 5, applied: true })
      return 'completed'
    }),
  ])
  expect(result.upload).toMatchObject({ state: 'completed', counts: { accepted: 5 } })
  expect(result).toMatchObject({ errorsFile: undefined, rejectedFile: undefined })
  expect(exitCodeOf(result.upload)).toBe(0)
})

test('refused rows are written beside the file, for their owner only', async () => {
  const result = await uploadWithRefusedRow()
  expect(exitCodeOf(result.upload)).toBe(3)
  await expect(readFile(`${file}.errors.csv`, 'utf8')).resolves.toContain(
    '3,2,dateOfBirth: Not a valid date.,dateOfBirth:invalid_date,***-**-6789,Lima',
  )
  await expect(readFile(`${file}.rejected.csv`, 'utf8')).resolves.toBe(
    'ssn,familyName\r\n123-45-6789,Lima\r\n',
  )
  expect((await stat(`${file}.rejected.csv`)).mode & 0o777).toBe(0o600)
})

test('a file that is accepted whole leaves nothing of an earlier upload beside it', async () => {
  await uploadWithRefusedRow()
  await Promise.all([uploadFile(job()), ingest(async () => await Promise.resolve('completed'))])
  for (const end of ['errors', 'rejected']) {
    await expect(stat(`${file}.${end}.csv`)).rejects.toMatchObject({ code: 'ENOENT' })
  }
})

test('the report shows counts, the first faults and where the others are', async () => {
  const shown = createRecorder()
  await showUpload(await uploadWithRefusedRow(), { client, output: shown.output })
  expect(shown.heads).toEqual([
    [
      'state',
      'records',
      'accepted',
      'rejected',
      'duplicates',
      'unchanged',
      'created',
      'updated',
      'stale',
      'seconds',
    ],
  ])
  expect(shown.lines).toEqual([
    'line 3: dateOfBirth: Not a valid date.',
    `All faults: ${file}.errors.csv`,
    `Rows to mend and send again: ${file}.rejected.csv`,
  ])
  expect(shown.documents).toEqual([
    expect.objectContaining({ state: 'completed', errorsFile: `${file}.errors.csv` }),
  ])
})

test('a file that is refused as a whole fails, saying why', async () => {
  const [result] = await Promise.all([
    uploadFile(job()),
    ingest(async (uploadId) => {
      const fault = { code: 'missing_columns', message: 'Cannot read the file', line: 1 }
      await recordFileFaults(api.db, uploadId, [fault])
      return 'failed'
    }),
  ])
  expect(exitCodeOf(result.upload)).toBe(1)
  const shown = createRecorder()
  await showUpload(result, { client, output: shown.output })
  expect(shown.lines).toEqual(['line 1: Cannot read the file'])
})

test('a file over the limit is refused with what the API says', async () => {
  const large = join(directory, 'large.csv')
  await writeFile(large, 'x'.repeat(30_000_000))
  await expect(uploadFile(job(large))).rejects.toMatchObject({
    code: 'upload_refused',
    message: expect.stringContaining('413 Cannot take the upload') as string,
  })
})

test('a file that is not there is named', async () => {
  await expect(uploadFile(job(join(directory, 'none.csv')))).rejects.toMatchObject({
    code: 'no_such_file',
  })
})

test('an unknown jurisdiction is refused with what the API says', async () => {
  await expect(uploadFile({ ...job(), jurisdiction: 'zz' })).rejects.toMatchObject({ status: 404 })
})

async function uploadWithRefusedRow(): Promise<UploadResult> {
  const [result] = await Promise.all([
    uploadFile(job()),
    ingest(async (uploadId) => {
      await recordColumns(api.db, uploadId, ['ssn', 'familyName'])
      await seedFault(api, { uploadId, record: 2, row: '123-45-6789,Lima\r\n' })
      await seedChunk(api.db, { uploadId, chunk: 0, rows: 5, rejected: 1, applied: true })
      return 'completed'
    }),
  ])
  return result
}

// What a worker would do with the next file that is received.
async function ingest(work: (uploadId: string) => Promise<EndState>): Promise<void> {
  let uploadId: string | undefined
  await waitUntil('a file is received', async () => {
    const { rows } = await api.db.query<{ id: string }>(
      `select id from uploads where state = 'received' order by created_at desc limit 1`,
    )
    uploadId = rows[0]?.id
    return uploadId !== undefined
  })
  const received = uploadId ?? ''
  await endUpload(api.db, { uploadId: received, state: await work(received) })
}

type Recorder = {
  readonly output: Output
  readonly lines: string[]
  readonly heads: (readonly string[])[]
  readonly documents: unknown[]
}

function createRecorder(): Recorder {
  const lines: string[] = []
  const heads: (readonly string[])[] = []
  const documents: unknown[] = []
  return {
    lines,
    heads,
    documents,
    output: {
      json: false,
      line: (text) => void lines.push(text),
      progress() {},
      table: (head) => void heads.push(head),
      result(document, show) {
        documents.push(document)
        show()
      },
    },
  }
}
