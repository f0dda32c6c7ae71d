import { fc } from '../../support/properties.ts'
import type { LicenseRecord } from '../../../core/license/record.ts'
import { chooseSpeaker } from '../../support/license-speaker.ts'
import type { BoardValues } from '../../../core/license/stored-license.ts'
import { describeUpdate, type LicenseUpdate } from '../../support/license-update.ts'
import { emptyTables } from './final-tables.ts'
import { ingest, toRecord, types, type Row } from './staged-upload.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

type Upload = { readonly jurisdiction: string; readonly rows: readonly Row[] }
type Held = {
  readonly ssn: string
  readonly jurisdiction: string
  readonly licenseType: string
} & {
  readonly board: BoardValues
}
/** Licenses by person, jurisdiction and type, and the changes that led to them. */
type Model = { readonly held: Map<string, Held>; readonly changes: [string, LicenseUpdate][] }

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database.close())

const row: fc.Arbitrary<Row> = fc.record(
  {
    person: fc.nat(3),
    licenseType: fc.constantFrom(types.aud, types.slp),
    licenseStatus: fc.constantFrom('active', 'inactive'),
    dateOfIssuance: fc.constantFrom('2014-01-01', '2015-01-01', '2016-01-01'),
    dateOfExpiration: fc.constantFrom('2025-01-01', '2030-01-01', '2032-01-01'),
    suffix: fc.constantFrom('Jr.', 'Sr.'),
    npi: fc.constant('1234567893'),
  },
  { requiredKeys: ['person'] },
)
const upload: fc.Arbitrary<Upload> = fc.record({
  jurisdiction: fc.constantFrom('oh', 'ky'),
  rows: fc.array(row, { minLength: 1, maxLength: 8 }),
})

test('applyStagedRows() records each change and chooses each speaker as the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(upload, { minLength: 1, maxLength: 5 }), async (uploads) => {
      await emptyTables(database.db)
      const model: Model = { held: new Map(), changes: [] }
      for (const [index, { jurisdiction, rows }] of uploads.entries()) {
        await ingest(database.db, rows, { jurisdiction, sequence: index + 1 })
        replay(model, { jurisdiction, rows })
      }
      expect(await listChanges()).toEqual(sortChanges(model.changes))
      expect(await listSpeakers()).toEqual(chooseSpeakers(model))
    }),
    { numRuns: 25 },
  )
})

function replay({ held, changes }: Model, { jurisdiction, rows }: Upload): void {
  const seen = new Set<string>()
  for (const { ssn, licenseType, ...fields } of rows.map(toRecord)) {
    const key = toKey(ssn.slice(-4), jurisdiction, licenseType)
    if (seen.has(key)) continue
    seen.add(key)
    const board = withoutUndefined(fields)
    const before = held.get(key)
    const change = before && describeUpdate(before.board, board)
    if (change) changes.push([key, change])
    held.set(key, { ssn: ssn.slice(-4), jurisdiction, licenseType, board })
  }
}

function chooseSpeakers({ held }: Model): string[] {
  const all = [...held.values()].map(({ board, ...place }) => ({ ...board, ...place }))
  return [...new Set(all.map(({ ssn }) => ssn))]
    .map((ssn) => {
      const speaker = chooseSpeaker(all.filter((license) => license.ssn === ssn))
      return toKey(ssn, speaker?.jurisdiction, speaker?.licenseType)
    })
    .toSorted()
}

async function listSpeakers(): Promise<string[]> {
  const { rows } = await database.db.query<Record<'last_four' | 'jurisdiction' | 'type', string>>(
    `select s.last_four, p.license_jurisdiction as jurisdiction, p.license_type as type
     from providers p join provider_ssns s using (provider_id)`,
  )
  return rows.map((found) => toKey(found.last_four, found.jurisdiction, found.type)).toSorted()
}

async function listChanges(): Promise<[string, LicenseUpdate][]> {
  const { rows } = await database.db.query<{ key: string; change: LicenseUpdate }>(
    `select concat_ws('/', s.last_four, h.jurisdiction, h.license_type) as key,
       jsonb_build_object('updateType', h.update_type, 'previous', h.previous,
         'updatedValues', h.updated_values, 'removedValues', h.removed_values) as change
     from license_history h join provider_ssns s using (provider_id)
     order by h.id`,
  )
  return sortChanges(rows.map(({ key, change }) => [key, change]))
}

// By license; the changes of one license stay in their order.
function sortChanges(changes: readonly [string, LicenseUpdate][]): [string, LicenseUpdate][] {
  return changes.toSorted(([one], [other]) => one.localeCompare(other))
}

function toKey(...parts: readonly (string | undefined)[]): string {
  return parts.join('/')
}

function withoutUndefined(fields: Omit<LicenseRecord, 'ssn' | 'licenseType'>): BoardValues {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as BoardValues // what is required is never undefined
}
