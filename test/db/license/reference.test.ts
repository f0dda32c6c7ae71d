import { fc } from '../../support/properties.ts'
import { chooseSpeaker, type Candidate } from '../../support/license-speaker.ts'
import { boardFields, type BoardValues } from '../../../core/license/stored-license.ts'
import { describeUpdate } from '../../support/license-update.ts'
import { emptyTables } from './final-tables.ts'
import { ingest, toRecord, types, type Row } from './staged-upload.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
const jurisdictions = ['al', 'ky', 'oh'] as const

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

const standing = fc.constantFrom(
  { licenseStatus: 'active', compactEligibility: 'eligible' } as const,
  { licenseStatus: 'active', compactEligibility: 'ineligible' } as const,
  { licenseStatus: 'inactive', compactEligibility: 'ineligible' } as const,
)
const license = fc.record({
  jurisdiction: fc.constantFrom(...jurisdictions),
  licenseType: fc.constantFrom(types.aud, types.slp),
  standing,
  dateOfIssuance: fc.constantFrom('2014-01-01', '2015-01-01', '2016-01-01'),
})

test('the license that speaks for a provider is the one that the rules choose of all of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(license, { minLength: 1, maxLength: 6 }),
      fc.option(fc.constantFrom(...jurisdictions)),
      async (uploads, home) => {
        await emptyTables(database.db)
        const stored = new Map<string, Candidate>()
        for (const [index, upload] of uploads.entries()) {
          const { jurisdiction, standing: marks, ...rest } = upload
          const row: Row = { person: 1, ...rest, ...marks }
          stored.set(`${jurisdiction} ${rest.licenseType}`, { jurisdiction, ...toRecord(row) })
          await ingest(database.db, [row], { jurisdiction, sequence: index + 1 })
          // A home is registered once the provider is there.
          await database.db.query('update providers set home_jurisdiction = $1', [home])
        }
        // The home counts from the next change on.
        const last = uploads.at(-1)
        const { jurisdiction = 'oh', licenseType = types.aud } = last ?? {}
        const change: Row = { person: 1, licenseType, ...last?.standing, suffix: 'changed' }
        const row = { ...change, dateOfIssuance: last?.dateOfIssuance ?? '' }
        await ingest(database.db, [row], { jurisdiction, sequence: 100 })
        const { rows } = await database.db.query(
          'select license_jurisdiction as jurisdiction, license_type as "licenseType" from providers',
        )
        const expected = chooseSpeaker([...stored.values()], home ?? undefined)
        expect(rows).toEqual([
          { jurisdiction: expected?.jurisdiction, licenseType: expected?.licenseType },
        ])
      },
    ),
    { numRuns: 25 },
  )
})

const text = fc.option(fc.constantFrom('a', 'b', 'Ünïcode', 'back\\slash'), { nil: undefined })
const content = fc
  .record({
    npi: fc.option(fc.constantFrom('1234567893', '1111111112'), { nil: undefined }),
    licenseNumber: text,
    suffix: text,
    homeAddressStreet2: text,
    standing,
    dateOfRenewal: fc.option(fc.constantFrom('2024-01-01', '2025-01-01'), { nil: undefined }),
    dateOfExpiration: fc.constantFrom('2026-01-01', '2030-01-01'),
  })
  .map(({ standing: marks, ...rest }): Row => {
    const present = Object.entries({ ...rest, ...marks }).filter(([, value]) => value !== undefined)
    return { person: 1, ...Object.fromEntries(present) }
  })

function pickBoardValues(row: Row): BoardValues {
  const record = toRecord(row)
  const pairs = boardFields.map((field) => [field, record[field]] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) as BoardValues // of a valid record
}

test('a history row says of a change what the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(content, content, async (before, after) => {
      await emptyTables(database.db)
      await ingest(database.db, [before], { sequence: 1 })
      await ingest(database.db, [after], { sequence: 2 })
      const { rows } = await database.db.query(
        `select update_type as "updateType", previous, updated_values as "updatedValues",
           removed_values as "removedValues"
         from license_history`,
      )
      const update = describeUpdate(pickBoardValues(before), pickBoardValues(after))
      expect(rows).toEqual(update ? [update] : [])
    }),
    { numRuns: 60 },
  )
})
