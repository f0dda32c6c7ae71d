import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { findPayload, payloadContext } from '../../db/upload-receipt.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { alabama, alabamaScope } from '../support/uploads.ts'

const path = alabama
const scope = alabamaScope

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => await api.close())

const record = {
  ssn: '123-45-6789',
  licenseType: 'audiologist',
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  givenName: 'Björk',
  familyName: 'Guðmundsdóttir',
  dateOfIssuance: '2010-06-06',
  dateOfExpiration: '2027-06-06',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '123 A St.',
  homeAddressCity: 'Birmingham',
  homeAddressState: 'AL',
  homeAddressPostalCode: '35004',
}

const createRecords = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({
    ...record,
    ssn: `123-45-${String(1000 + index)}`,
  }))

test('valid records are taken, encrypted, and their ingest queued', async () => {
  const response = await api.call(path, { method: 'POST', scope, json: createRecords(100) })
  const body = (await response.json()) as Record<string, string> // the contract under test
  expect(response.status).toBe(202)
  expect(body).toEqual({
    message: 'OK',
    uploadId: expect.any(String) as string,
    statusUrl: `/v1/uploads/${body['uploadId']}`,
  })
  expect(response.headers.get('location')).toBe(body['statusUrl'])
  const uploadId = String(body['uploadId'])
  const payload = await findPayload(api.db, uploadId)
  const document = createFieldCipher(api.ring).decrypt(
    payload ?? Buffer.alloc(0),
    payloadContext(uploadId),
  )
  expect(JSON.parse(document.toString())).toEqual(createRecords(100))
  const { rows } = await api.db.query(
    `select kind, state, sequence is not null as has_sequence,
       (select input from workflow_starts where workflow_id = 'license-upload:' || u.id) as input,
       (select action from audit_entries where subject_id = u.id::text) as audited
     from uploads u where id = $1`,
    [uploadId],
  )
  expect(rows).toEqual([
    {
      kind: 'license-post',
      state: 'received',
      has_sequence: true,
      input: { uploadId },
      audited: 'upload.received',
    },
  ])
})

test('the upload of a POST shows its state and counts at once', async () => {
  const posted = await api.call(path, { method: 'POST', scope, json: [record] })
  const { statusUrl } = (await posted.json()) as { statusUrl: string } // as above
  const response = await api.call(statusUrl, { scope })
  expect(await response.json()).toMatchObject({
    kind: 'license-post',
    state: 'received',
    counts: { records: 0, accepted: 0 },
  })
})

test.each([
  ['101 records', createRecords(101), 413],
  ['no record', [], 400],
  ['an object', record, 400],
])('%s are refused', async (_, json, status) => {
  const before = await countUploads()
  const response = await api.call(path, { method: 'POST', scope, json })
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ status, message: expect.any(String) as string })
  expect(await countUploads()).toBe(before)
})

test('one invalid record refuses them all, naming every fault by index and field', async () => {
  const { ssn: _, ...withoutSsn } = record
  const before = await countUploads()
  const response = await api.call(path, {
    method: 'POST',
    scope,
    json: [
      record,
      { ...withoutSsn, dateOfBirth: '19840715' },
      'text',
      null,
      [record],
      { ...record, ssn: '999-99-9999', nickname: 'B' },
    ],
  })
  const body = (await response.json()) as Record<string, unknown> // the contract under test
  expect(response.status).toBe(400)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(body['message']).toEqual(expect.any(String))
  expect(body['code']).toBe('invalid_records')
  expect(body['errors']).toEqual({
    1: {
      ssn: ['Missing data for required field.'],
      dateOfBirth: ['Not a valid date.'],
    },
    2: { INVALID_JSON_OBJECT: ['Must be a JSON object.'] },
    3: { INVALID_JSON_OBJECT: ['Must be a JSON object.'] },
    4: { INVALID_JSON_OBJECT: ['Must be a JSON object.'] },
    5: { nickname: ['Unknown field.'] },
  })
  expect(await countUploads()).toBe(before)
})

test('the same SSN and license type twice is a fault of the later record', async () => {
  const other = { ...record, licenseType: 'speech-language pathologist' }
  const padded = { ...record, ssn: ' 123-45-6789 ' }
  const response = await api.call(path, { method: 'POST', scope, json: [record, other, padded] })
  expect(response.status).toBe(400)
  const { errors } = (await response.json()) as { errors: Record<string, unknown> } // as above
  expect(Object.keys(errors)).toEqual(['2'])
  expect(errors['2']).toEqual({
    ssn: [
      expect.stringContaining(
        'Duplicate License SSN detected for license type audiologist. SSN matches with record 1.',
      ) as string,
    ],
  })
})

test('a repeated SSN is found beside other faults of the records', async () => {
  const invalid = { ...record, dateOfBirth: 'x' }
  const response = await api.call(path, { method: 'POST', scope, json: [invalid, invalid] })
  const { errors } = (await response.json()) as { errors: Record<string, object> } // as above
  expect(Object.keys(errors['0'] ?? {})).toEqual(['dateOfBirth'])
  expect(Object.keys(errors['1'] ?? {})).toEqual(['dateOfBirth', 'ssn'])
})

test('compact and jurisdiction in a record have to be those of the path', async () => {
  const post = async (extra: object): Promise<number> => {
    const json = [{ ...record, ...extra }]
    return (await api.call(path, { method: 'POST', scope, json })).status
  }
  await expect(post({ compact: 'aslp', jurisdiction: 'al' })).resolves.toBe(202)
  await expect(post({ compact: 'octp' })).resolves.toBe(400)
  await expect(post({ jurisdiction: 'oh' })).resolves.toBe(400)
})

test.each([
  { with: 'no token', to: path, token: undefined, status: 401 },
  { with: 'no scope', to: path, token: '', status: 403 },
  { with: 'the coarse scope alone', to: path, token: 'aslp/write', status: 403 },
  { with: 'the scope of another jurisdiction', to: path, token: 'aslp/oh.write', status: 403 },
  { with: 'the scope of another compact', to: path, token: 'octp/al.write', status: 403 },
  { with: 'an unknown compact', to: path.replace('aslp', 'nope'), token: scope, status: 404 },
  { with: 'an unknown jurisdiction', to: path.replace('/al/', '/zz/'), token: scope, status: 404 },
])('records with $with are refused', async ({ to, token, status }) => {
  const before = await countUploads()
  const granted = token === undefined ? {} : { scope: token }
  const response = await api.call(to, { method: 'POST', json: [record], ...granted })
  expect(response.status).toBe(status)
  expect(await countUploads()).toBe(before)
})

test.each([
  { with: 'a wrong content type', contentType: 'text/csv', body: '[]', status: 415 },
  { with: 'malformed JSON', body: '[{', status: 400 },
  { with: 'a duplicate key', body: '[{"ssn":"a","ssn":"b"}]', status: 400 },
  { with: 'over 1 MiB', body: `["${'x'.repeat(1_100_000)}"]`, status: 413 },
])('a body with $with is refused', async ({ contentType = 'application/json', body, status }) => {
  const headers = { 'content-type': contentType }
  const response = await api.call(path, { method: 'POST', scope, body, headers })
  expect(response.status).toBe(status)
})

test('an Idempotency-Key gives the same answer for the same records, once', async () => {
  const post = async (json: unknown): Promise<Response> =>
    await api.call(path, { method: 'POST', scope, json, headers: { 'Idempotency-Key': 'k-1' } })
  const first = await post([record])
  const again = await post([record])
  expect(await again.json()).toEqual(await first.json())
  expect(again.headers.get('location')).toBe(first.headers.get('location'))
  expect((await post(createRecords(1))).status).toBe(422)
})

async function countUploads(): Promise<number> {
  const { rows } = await api.db.query<{ count: number }>('select count(*) from uploads')
  return rows[0]?.count ?? 0
}
