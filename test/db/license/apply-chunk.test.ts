import { emptyTables, readFinalTables } from './final-tables.ts'
import {
  addCounts,
  applyChunk,
  applyUpload,
  ingest,
  stageUpload,
  types,
  type Row,
} from './staged-upload.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
const person: Row = { person: 1 }
const twoPeople: readonly Row[] = [person, { person: 2 }]

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => await emptyTables(database.db))
afterAll(async () => await database.close())

async function list<T>(query: string): Promise<T[]> {
  const { rows } = await database.db.query(query)
  return rows as T[]
}

/** Places and versions of all stored rows: equal only when nothing at all was written. */
async function readRowVersions(): Promise<unknown[]> {
  const tables = ['provider_ssns', 'licenses', 'providers', 'license_history', 'audit_entries']
  return await list(
    tables.map((name) => `select '${name}', ctid, xmin, xmax from ${name}`).join(' union all '),
  )
}

async function insertPrivilege(jurisdiction = 'ky'): Promise<void> {
  await database.db.query(
    `insert into privileges
       (privilege_id, compact, provider_id, jurisdiction, license_jurisdiction, license_type,
        date_of_issuance, date_of_expiration)
     select 'AUD-KY-1', compact, provider_id, $1, jurisdiction, license_type, now(),
       date_of_expiration
     from licenses`,
    [jurisdiction],
  )
}

test('applyStagedRows() makes providers, licenses, summaries and audit entries of new rows', async () => {
  const counts = await ingest(database.db, twoPeople, { sequence: 1 })
  expect(counts).toEqual({ accepted: 2, created: 2, updated: 0, unchanged: 0, stale: 0 })
  const tables = await readFinalTables(database.db)
  expect(tables['ssns']).toHaveLength(2)
  expect(tables['licenses']).toHaveLength(2)
  expect(tables['history']).toEqual([])
  expect(tables['audit']).toMatchObject([
    { action: 'license.created', jurisdiction: 'oh', type: 'aud', before_hash: null },
    { action: 'license.created', jurisdiction: 'oh', type: 'aud', before_hash: null },
  ])
  expect(await list('select license_jurisdiction, jurisdictions from providers')).toEqual([
    { license_jurisdiction: 'oh', jurisdictions: ['oh'] },
    { license_jurisdiction: 'oh', jurisdictions: ['oh'] },
  ])
})

test('applyStagedRows() keeps one provider for two license types, in one chunk or in two', async () => {
  const rows: Row[] = [person, { person: 1, licenseType: types.slp }]
  for (const chunkSize of [1, 2]) {
    await emptyTables(database.db)
    await ingest(database.db, rows, { sequence: 1, chunkSize })
    expect(await list('select 1 from providers')).toHaveLength(1)
    expect(await list('select 1 from licenses')).toHaveLength(2)
  }
})

test('applyStagedRows() writes nothing for rows that are stored already', async () => {
  await ingest(database.db, twoPeople, { sequence: 1 })
  const before = await readRowVersions()
  const counts = await ingest(database.db, twoPeople, { sequence: 2 })
  expect(counts).toEqual({ accepted: 2, created: 0, updated: 0, unchanged: 2, stale: 0 })
  expect(await readRowVersions()).toEqual(before)
})

test('applyStagedRows() records what a change replaced, added and removed', async () => {
  await ingest(database.db, [{ person: 1, npi: '1234567893', suffix: 'Jr.' }], { sequence: 1 })
  await database.db.query(`update licenses set encumbrance_status = 'encumbered'`)
  const counts = await ingest(database.db, [{ person: 1, suffix: 'Sr.', licenseNumber: 'A-1' }], {
    sequence: 2,
  })
  expect(counts).toMatchObject({ updated: 1, accepted: 1 })
  expect(
    await list(`select update_type, previous ->> 'npi' as npi, previous ->> 'suffix' as suffix,
      previous ->> 'dateOfBirth' as born, updated_values, removed_values, actor
      from license_history`),
  ).toEqual([
    {
      update_type: 'other',
      npi: '1234567893',
      suffix: 'Jr.',
      born: '1980-01-01',
      updated_values: { suffix: 'Sr.', licenseNumber: 'A-1' },
      removed_values: ['npi'],
      actor: 'board',
    },
  ])
  expect(
    await list('select npi, suffix, license_number, encumbrance_status from licenses'),
  ).toEqual([{ npi: null, suffix: 'Sr.', license_number: 'A-1', encumbrance_status: 'encumbered' }])
})

test.each<[string, Partial<Row>, { type: string; action: string }]>([
  [
    'a later expiration',
    { dateOfExpiration: '2032-01-01' },
    { type: 'renewal', action: 'license.renewed' },
  ],
  [
    'an earlier expiration',
    { dateOfExpiration: '2029-01-01' },
    { type: 'other', action: 'license.updated' },
  ],
  [
    'an end of activity',
    { licenseStatus: 'inactive' },
    { type: 'deactivation', action: 'license.deactivated' },
  ],
  [
    'an end of activity with a later expiration',
    { licenseStatus: 'inactive', dateOfExpiration: '2032-01-01' },
    { type: 'deactivation', action: 'license.deactivated' },
  ],
])(
  'applyStagedRows() takes %s as the right kind of change',
  async (_, change, { type, action }) => {
    await ingest(database.db, [person], { sequence: 1 })
    await ingest(database.db, [{ ...person, ...change }], { sequence: 2 })
    expect(await list('select update_type from license_history')).toEqual([{ update_type: type }])
    expect(
      await list(`select a.action, a.before_hash = b.after_hash as follows
      from audit_entries a, audit_entries b
      where a.seq > b.seq`),
    ).toEqual([{ action, follows: true }])
  },
)

test('applyStagedRows() marks privileges and tells of a license that ends before it expires', async () => {
  await ingest(database.db, [person], { sequence: 1 })
  await insertPrivilege()
  await ingest(database.db, [{ person: 1, licenseStatus: 'inactive' }], { sequence: 2 })
  expect(
    await list('select 1 from privileges where license_deactivated_at is not null'),
  ).toHaveLength(1)
  expect(await list('select type, subject, data, request_id from events')).toMatchObject([
    {
      type: 'license.deactivation',
      data: { compact: 'aslp', jurisdiction: 'oh', licenseType: types.aud },
      request_id: 'request',
    },
  ])
  expect(await list('select jurisdictions from providers')).toEqual([
    { jurisdictions: ['ky', 'oh'] },
  ])
})

test('applyStagedRows() leaves privileges alone when the license has expired', async () => {
  await ingest(database.db, [person], { sequence: 1 })
  await insertPrivilege()
  const rows: Row[] = [{ person: 1, licenseStatus: 'inactive', dateOfExpiration: '2026-05-31' }]
  await ingest(database.db, rows, { sequence: 2, today: '2026-06-01' })
  expect(await list('select license_deactivated_at from privileges')).toEqual([
    { license_deactivated_at: null },
  ])
  expect(await list('select 1 from events')).toEqual([])
})

test('applyStagedRows() counts a row older than what is stored as stale', async () => {
  await ingest(database.db, [{ person: 1, suffix: 'new' }], { sequence: 5 })
  const before = await readRowVersions()
  const counts = await ingest(database.db, [{ person: 1, suffix: 'old' }], { sequence: 4 })
  expect(counts).toEqual({ accepted: 1, created: 0, updated: 0, unchanged: 0, stale: 1 })
  expect(await readRowVersions()).toEqual(before)
})

test('applyStagedRows() lets no older upload that is still open win over an unchanged row', async () => {
  await ingest(database.db, [person], { sequence: 1 })
  const older = await stageUpload(database.db, [{ person: 1, suffix: 'old' }], { sequence: 2 })
  const counts = await ingest(database.db, [person], { sequence: 3 })
  expect(counts).toMatchObject({ unchanged: 1, updated: 0 })
  expect(await applyUpload(database.db, older)).toMatchObject({ stale: 1, updated: 0 })
  expect(await list('select suffix from licenses')).toEqual([{ suffix: null }])
})

test('applyStagedRows() counts a row overtaken since it was staged as unchanged as stale', async () => {
  await ingest(database.db, twoPeople, { sequence: 1 })
  const slow = await stageUpload(database.db, twoPeople, { sequence: 2 })
  await ingest(database.db, [{ person: 1, suffix: 'new' }], { sequence: 3 })
  const counts = await applyUpload(database.db, slow)
  expect(counts).toEqual({ accepted: 2, created: 0, updated: 0, unchanged: 1, stale: 1 })
})

test('applyStagedRows() compares only with uploads of the same jurisdiction', async () => {
  await ingest(database.db, [person], { sequence: 5 })
  const counts = await ingest(database.db, [person], { sequence: 1, jurisdiction: 'ky' })
  expect(counts).toMatchObject({ created: 1 })
  expect(await list('select jurisdictions from providers')).toEqual([
    { jurisdictions: ['ky', 'oh'] },
  ])
})

test('applyStagedRows() adopts the provider that another upload stored meanwhile', async () => {
  const one = await stageUpload(database.db, [person], { sequence: 1 })
  const other = await stageUpload(database.db, [person], { sequence: 1, jurisdiction: 'ky' })
  expect(await applyUpload(database.db, one)).toMatchObject({ created: 1 })
  expect(await applyUpload(database.db, other)).toMatchObject({ created: 1 })
  expect(await list('select 1 from provider_ssns')).toHaveLength(1)
  expect(await list('select jurisdictions from providers')).toEqual([
    { jurisdictions: ['ky', 'oh'] },
  ])
})

test('separateDuplicates() lets the first row win, whichever chunks the others are in', async () => {
  const rows: Row[] = [person, { person: 2 }, { person: 1, suffix: 'II' }, person]
  const upload = await stageUpload(database.db, rows, { sequence: 1, chunkSize: 2 })
  expect(upload.duplicates).toBe(2)
  const counts = await applyUpload(database.db, upload, [1, 0])
  expect(counts).toMatchObject({ accepted: 2, created: 2 })
  expect(await list('select suffix, upload_record from licenses where upload_record = 1')).toEqual([
    { suffix: null, upload_record: 1 },
  ])
  expect(
    await list('select record, first_record, chunk from staging.duplicates order by record'),
  ).toEqual([
    { record: 3, first_record: 1, chunk: 1 },
    { record: 4, first_record: 1, chunk: 1 },
  ])
})

test('applyStagedRows() never deadlocks when twenty chunks with the same people run at once', async () => {
  const rows = Array.from({ length: 60 }, (_, index): Row => ({
    person: index % 20,
    licenseType: index % 3 === 0 ? types.slp : types.aud,
  }))
  const jurisdictions = ['oh', 'ky', 'ne', 'al']
  for (const sequence of [1, 2]) {
    const uploads = await Promise.all(
      jurisdictions.map(async (jurisdiction, index) => {
        const shifted = rows.map((row) => ({ ...row, person: (row.person * 7 + index) % 20 }))
        const changed = shifted.map((row) => ({ ...row, suffix: `v${sequence}` }))
        return await stageUpload(database.db, changed, { sequence, jurisdiction, chunkSize: 12 })
      }),
    )
    const chunks = uploads.flatMap((upload) =>
      Array.from({ length: upload.chunks }, (_, chunk) => ({ upload, chunk })),
    )
    expect(chunks).toHaveLength(20)
    const counts = await Promise.all(
      chunks.map(async ({ upload, chunk }) => await applyChunk(database.db, upload, chunk)),
    )
    const sum = counts.reduce(addCounts)
    expect(sum.accepted).toBe(
      uploads.reduce((total, upload) => total + rows.length - upload.duplicates, 0),
    )
    expect(sum.accepted).toBe(sum.created + sum.updated + sum.unchanged + sum.stale)
  }
  expect(await list('select 1 from providers where cardinality(jurisdictions) = 4')).toHaveLength(
    20,
  )
})
