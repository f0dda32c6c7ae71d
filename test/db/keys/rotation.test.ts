import { randomUUID } from 'node:crypto'
import { createFieldCipher } from '../../../crypto/field-cipher.ts'
import { createKeyRing, generateKeyRingDocument } from '../../../crypto/key-ring.ts'
import { appendAudit } from '../../../db/audit.ts'
import { sealAudit } from '../../../db/audit/sealer.ts'
import { loadHashKey } from '../../../db/data-keys.ts'
import { listKeyUsage } from '../../../db/keys/usage.ts'
import { rotateKeys } from '../../../db/keys/rotation.ts'
import { ssnContext } from '../../../db/license/ssn-key.ts'
import { rowContext } from '../../../db/upload-faults.ts'
import { payloadContext } from '../../../db/upload-receipt.ts'
import { secretsContext } from '../../../db/webhook/endpoints.ts'
import { sampleAuditEntry, verifyDatabase } from '../../support/audit.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

// More than two batches.
const SSN_COUNT = 2_050
const before = generateKeyRingDocument()
const after = generateKeyRingDocument()
const oldRing = createKeyRing(before)
const bothRing = createKeyRing({ ...after, keys: { ...before.keys, ...after.keys } })
const newRing = createKeyRing(after)
const uploadId = randomUUID()
let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

async function storeSsns(count: number): Promise<void> {
  const cipher = createFieldCipher(oldRing)
  const indices = Array.from({ length: count }, (_, index) => index)
  await database.db.query(
    `insert into provider_ssns
       (compact, ssn_hash, provider_id, ssn_cipher, last_four, upload_id, upload_record)
     select compact, hash, gen_random_uuid(), cipher, '6789', gen_random_uuid(), 1
     from unnest($1::text[], $2::bytea[], $3::bytea[]) as ssn (compact, hash, cipher)`,
    [
      indices.map((index) => (index % 2 === 0 ? 'aslp' : 'octp')),
      indices.map((index) => Buffer.from(`hash-${index}`)),
      indices.map((index) =>
        cipher.encrypt(`ssn ${index}`, ssnContext(index % 2 === 0 ? 'aslp' : 'octp')),
      ),
    ],
  )
}

async function storeUpload(): Promise<void> {
  const cipher = createFieldCipher(oldRing)
  await database.db.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id)
     values ($1, 'license-post', 'aslp', 'al', 'received', 'ann', 'r-1')`,
    [uploadId],
  )
  await database.db.query('insert into upload_payloads (upload_id, ciphertext) values ($1, $2)', [
    uploadId,
    cipher.encrypt('[]', payloadContext(uploadId)),
  ])
  await database.db.query(
    `insert into upload_faults
       (upload_id, record, kind, chunk, first_line, last_line, errors, row_cipher)
     values ($1, 7, 'rejected', 1, 8, 8, '{}', $2), ($1, 8, 'warning', 1, 9, 9, '{}', null)`,
    [uploadId, cipher.encrypt('a,b', rowContext(uploadId, 7))],
  )
}

async function storeSubscription(): Promise<void> {
  const id = randomUUID()
  const cipher = createFieldCipher(oldRing)
  await database.db.query(
    `insert into webhook_endpoints (id, kind, owner, url, events, scopes, secrets_cipher)
     values ($1, 'subscription', 'rp', 'https://rp.example/', '{create}', '{}', $2)`,
    [id, cipher.encrypt('{"current":"whsec_"}', secretsContext(id))],
  )
}

async function readAll(ring: typeof newRing): Promise<string[]> {
  const cipher = createFieldCipher(ring)
  const { rows: ssns } = await database.db.query<{ compact: string; value: Buffer }>(
    'select compact, ssn_cipher as value from provider_ssns',
  )
  const { rows: faults } = await database.db.query<{ value: Buffer }>(
    'select row_cipher as value from upload_faults where row_cipher is not null',
  )
  const { rows: payloads } = await database.db.query<{ value: Buffer }>(
    'select ciphertext as value from upload_payloads',
  )
  const { rows: secrets } = await database.db.query<{ id: string; value: Buffer }>(
    'select id, secrets_cipher as value from webhook_endpoints',
  )
  const values = [
    ...secrets.map(({ id, value }) => cipher.decrypt(value, secretsContext(id))),
    ...ssns.map(({ compact, value }) => cipher.decrypt(value, ssnContext(compact))),
    ...faults.map(({ value }) => cipher.decrypt(value, rowContext(uploadId, 7))),
    ...payloads.map(({ value }) => cipher.decrypt(value, payloadContext(uploadId))),
  ]
  return values.map(String).toSorted((one, other) => one.localeCompare(other))
}

test('rotateKeys() lets an old key be dropped: values, hashes and seals hold', async () => {
  await storeSsns(SSN_COUNT)
  await storeUpload()
  await storeSubscription()
  await appendAudit(database.db, [sampleAuditEntry(1)])
  await sealAudit(database.db, { ring: oldRing, timeoutMs: 5_000 })
  const hashKey = await loadHashKey(database.db, oldRing)
  const values = await readAll(oldRing)

  await expect(rotateKeys(database.db, { ring: bothRing, actor: 'cli' })).resolves.toEqual({
    dataKeys: 1,
    sealKeys: 1,
    ssns: SSN_COUNT,
    uploadRows: 1,
    uploadPayloads: 1,
    webhookSecrets: 1,
    connectorSecrets: 0,
    rosterWebhookSecrets: 0,
  })
  await expect(readAll(newRing)).resolves.toEqual(values)
  await expect(loadHashKey(database.db, newRing)).resolves.toEqual(hashKey)
  await sealAudit(database.db, { ring: newRing, timeoutMs: 5_000 })
  await expect(verifyDatabase(database.db, newRing)).resolves.toMatchObject({ ok: true, seals: 2 })
})

test('rotateKeys() has nothing to do the second time', async () => {
  await storeSsns(3)
  await rotateKeys(database.db, { ring: bothRing, actor: 'cli' })
  await expect(rotateKeys(database.db, { ring: bothRing, actor: 'cli' })).resolves.toEqual({
    dataKeys: 0,
    sealKeys: 0,
    ssns: 0,
    uploadRows: 0,
    uploadPayloads: 0,
    webhookSecrets: 0,
    connectorSecrets: 0,
    rosterWebhookSecrets: 0,
  })
})

test('rotateKeys() goes on where an interrupted run stopped', async () => {
  await storeSsns(SSN_COUNT)
  const onProgress = (_name: string, count: number): void => {
    if (count === 1_000) throw new Error('interrupted')
  }
  const first = rotateKeys(database.db, { ring: bothRing, actor: 'cli', onProgress })
  await expect(first).rejects.toThrow('interrupted')
  await expect(rotateKeys(database.db, { ring: bothRing, actor: 'cli' })).resolves.toMatchObject({
    ssns: SSN_COUNT - 1_000,
  })
})

test('rotateKeys() leaves a record of what it did', async () => {
  await storeSsns(1)
  await rotateKeys(database.db, { ring: bothRing, actor: 'cli' })
  const { rows } = await database.db.query(
    'select actor, action, subject_type, subject_id, cause from audit_entries',
  )
  expect(rows).toEqual([
    {
      actor: 'cli',
      action: 'keys.rotated',
      subject_type: 'key-ring',
      subject_id: after.current,
      cause: {
        dataKeys: 0,
        sealKeys: 0,
        ssns: 1,
        uploadRows: 0,
        uploadPayloads: 0,
        webhookSecrets: 0,
        connectorSecrets: 0,
        rosterWebhookSecrets: 0,
      },
    },
  ])
})

test('listKeyUsage() says what is stored under each key, dropped ones included', async () => {
  await storeSsns(3)
  await storeUpload()
  await loadHashKey(database.db, newRing)
  const usage = await listKeyUsage(database.db, newRing)
  expect(new Map(usage.map(({ id, ...rest }) => [id, rest]))).toEqual(
    new Map([
      [
        before.current,
        { inRing: false, current: false, values: { ssns: 3, uploadRows: 1, uploadPayloads: 1 } },
      ],
      [after.current, { inRing: true, current: true, values: { dataKeys: 1 } }],
    ]),
  )
})
