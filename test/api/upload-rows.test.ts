import { fc } from '../support/properties.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { alabamaScope as scope, seedFault, seedUpload } from '../support/uploads.ts'

const columns = ['ssn', 'familyName', 'dateOfBirth', 'phoneNumber']

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => await api.close())

async function read(uploadId: string, path: string): Promise<Response> {
  return await api.call(`/v1/uploads/${uploadId}/${path}`, { scope })
}

async function readText(uploadId: string, path: string): Promise<string> {
  const response = await read(uploadId, path)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  return await response.text()
}

test('errors are listed in the order of the file, cells and messages, SSNs masked', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  await seedFault(api, { uploadId, record: 3, row: '123-45-6789,"O""Brien, Jr",1984-02-30,\r\n' })
  await seedFault(api, {
    uploadId,
    record: 2,
    kind: 'duplicate',
    row: '987-65-4321,Á\n',
    errors: { ssn: [{ message: 'Duplicate License SSN detected.', code: 'duplicate_ssn' }] },
  })
  await seedFault(api, { uploadId, record: 2, kind: 'warning', row: 'x' })
  const response = await read(uploadId, 'errors')
  expect(response.headers.get('link')).toBeNull()
  expect(await response.json()).toEqual({
    errors: [
      {
        line: 3,
        record: 2,
        errors: { ssn: [{ message: 'Duplicate License SSN detected.', code: 'duplicate_ssn' }] },
        cells: { ssn: '***-**-4321', familyName: 'Á' },
      },
      {
        line: 4,
        record: 3,
        errors: { dateOfBirth: [{ message: 'Not a valid date.', code: 'invalid_date' }] },
        cells: {
          ssn: '***-**-6789',
          familyName: 'O"Brien, Jr',
          dateOfBirth: '1984-02-30',
          phoneNumber: '',
        },
      },
    ],
  })
})

test('pages of errors follow one another without gap or repetition', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  for (let record = 1; record <= 7; record += 1) await seedFault(api, { uploadId, record })
  const records: number[] = []
  let path: string | undefined = `/v1/uploads/${uploadId}/errors?limit=3`
  while (path !== undefined) {
    const response = await api.call(path, { scope })
    const { errors } = (await response.json()) as { errors: { record: number }[] } // as documented
    records.push(...errors.map(({ record }) => record))
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
  }
  expect(records).toEqual([1, 2, 3, 4, 5, 6, 7])
})

test('a cursor that was altered or belongs to another upload is refused', async () => {
  const [mine, other] = [await seedUpload(api.db), await seedUpload(api.db)]
  for (const record of [1, 2]) await seedFault(api, { uploadId: mine, record })
  const response = await read(mine, 'errors?limit=1')
  const link = /cursor=([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1] ?? ''
  const readWith = async (path: string): Promise<number> => (await api.call(path, { scope })).status
  await expect(readWith(`/v1/uploads/${mine}/errors?cursor=${link}`)).resolves.toBe(200)
  await expect(readWith(`/v1/uploads/${other}/errors?cursor=${link}`)).resolves.toBe(400)
  await expect(readWith(`/v1/uploads/${mine}/warnings?cursor=${link}`)).resolves.toBe(400)
  await expect(readWith(`/v1/uploads/${mine}/errors?cursor=${link.slice(0, -2)}`)).resolves.toBe(
    400,
  )
})

test.each(['0', '101', 'ten'])('a limit of %s is refused', async (limit) => {
  const uploadId = await seedUpload(api.db)
  expect((await read(uploadId, `errors?limit=${limit}`)).status).toBe(400)
})

test('warnings stand apart, in the same shape', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  const errors = { ssn: [{ message: 'SSN area is not in use.', code: 'ssn_area' }] }
  await seedFault(api, { uploadId, record: 1, kind: 'warning', row: '999-12-3456,B', errors })
  expect(await (await read(uploadId, 'warnings')).json()).toEqual({
    errors: [{ line: 2, record: 1, errors, cells: { ssn: '***-**-3456', familyName: 'B' } }],
  })
  expect(await (await read(uploadId, 'errors')).json()).toEqual({ errors: [] })
})

test('a row whose quotes cannot be read, or that is no longer kept, has no cells', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  await seedFault(api, { uploadId, record: 1, row: '"123-45-6789,\n' })
  await seedFault(api, { uploadId, record: 2 })
  const { errors } = (await (await read(uploadId, 'errors')).json()) as {
    errors: { cells: object }[]
  } // as documented
  expect(errors.map(({ cells }) => cells)).toEqual([{}, {}])
})

test('errors.csv gives a line to every refused row, safe for spreadsheets', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  const rows = [
    '123-45-6789,"=cmd|\' /C calc\'!A0",1984-02-30,+12025550100\r\n',
    '@a,-b,\tc,"d\r\ne"',
  ]
  for (const [index, row] of rows.entries())
    await seedFault(api, { uploadId, record: index + 1, row })
  const message = 'dateOfBirth: Not a valid date.'
  expect(await readText(uploadId, 'errors.csv')).toBe(
    `line,record,errors,codes,${columns.join(',')}\r\n` +
      `2,1,${message},dateOfBirth:invalid_date,***-**-6789,'=cmd|' /C calc'!A0,1984-02-30,'+12025550100\r\n` +
      `3,2,${message},dateOfBirth:invalid_date,'@a,'-b,'\tc,"d\r\ne"\r\n`,
  )
})

test('rejected.csv has the rows as they were sent, and reading it is audited', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  const rows = [
    Buffer.from('123-45-6789,=A,1984-02-30,\r\n'),
    Buffer.from([0x31, 0xff, 0x2c, 0x0a]),
    Buffer.from('"987-65-4321",last line'),
  ]
  for (const [index, row] of rows.entries())
    await seedFault(api, { uploadId, record: index + 1, row })
  const response = await read(uploadId, 'rejected.csv')
  const body = Buffer.from(await response.arrayBuffer())
  expect(body).toEqual(
    Buffer.concat([Buffer.from(`${columns.join(',')}\r\n`), ...rows, Buffer.from('\r\n')]),
  )
  const { rows: audited } = await api.db.query(
    `select actor from audit_entries where subject_id = $1 and action = 'upload.rejected-rows-read'`,
    [uploadId],
  )
  expect(audited).toEqual([{ actor: 'test-client' }])
})

test('rejected.csv has the line breaks of the file, at its header and at its end too', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  const rows = [Buffer.from('123-45-6789,A,1984-02-30,\n'), Buffer.from('987-65-4321,last line')]
  for (const [index, row] of rows.entries())
    await seedFault(api, { uploadId, record: index + 1, row })
  expect(await readText(uploadId, 'rejected.csv')).toBe(
    `${columns.join(',')}\n${rows.map((row) => row.toString().trimEnd()).join('\n')}\n`,
  )
})

test('files of many rows are complete', async () => {
  const uploadId = await seedUpload(api.db, { columns })
  const count = 1203
  await api.db.query(
    `insert into upload_faults (upload_id, record, kind, chunk, first_line, last_line, errors)
     select $1, n, 'rejected', 0, n + 1, n + 1, '{"_row": [{"message": "Broken.", "code": "b"}]}'
     from generate_series(1, $2::integer) n`,
    [uploadId, count],
  )
  const lines = (await readText(uploadId, 'errors.csv')).trimEnd().split('\r\n')
  expect(lines).toHaveLength(count + 1)
  expect(lines.at(-1)).toBe(`${count + 1},${count},_row: Broken.,_row:b,,,,`)
})

test('no whole SSN leaves, whatever column it is in and however it is spelled', async () => {
  const spellings = (digits: string): string[] => [
    digits,
    `${digits.slice(0, 3)}-${digits.slice(3, 5)}-${digits.slice(5)}`,
    `${digits.slice(0, 3)} ${digits.slice(3, 5)} ${digits.slice(5)}`,
    `${digits.slice(0, 3)}.${digits.slice(3, 5)}.${digits.slice(5)}`,
    `${digits.slice(0, 3)}–${digits.slice(3, 5)}–${digits.slice(5)}`,
    `${digits.slice(0, 3)}-${digits.slice(3)}`,
    `SSN:${digits}`,
  ]
  const ssn = fc.stringMatching(/^[1-8]\d{8}$/)
  let record = 0
  const uploadId = await seedUpload(api.db, { columns })
  await fc.assert(
    fc.asyncProperty(ssn, fc.nat(6), fc.nat(3), async (digits, spelling, column) => {
      record += 1
      const cells = ['', '', '', '']
      cells[column] = spellings(digits)[spelling] ?? ''
      await seedFault(api, { uploadId, record, row: cells.join(',') })
      const text = await (await read(uploadId, 'errors')).text()
      await api.db.query('delete from upload_faults where upload_id = $1', [uploadId])
      expect(text.replaceAll(/\D/g, '')).not.toContain(digits)
      expect(text).toContain(digits.slice(5))
    }),
    { numRuns: 60 },
  )
})
