import { fc } from '../../support/properties.ts'
import { checkHeader } from '../../../core/csv/header.ts'
import { readRecords, type CsvRecord } from '../../../core/csv/records.ts'
import { createRowReader } from '../../../core/csv/row.ts'
import { licenseLayout } from '../../../core/license/columns.ts'
import { defaultCompacts, type Compact } from '../../../core/license/compacts.ts'
import { createLicenseValidator, type LicenseRecord } from '../../../core/license/record.ts'
import { allFaultKinds } from '../../../core/sample/faults.ts'
import {
  countLicenseFile,
  generateLicenseFile,
  listOvertaken,
} from '../../../core/sample/licenses.ts'
import type { SampleFile } from '../../../core/sample/plan.ts'

const [aslp, octp, coun] = defaultCompacts as readonly [Compact, Compact, Compact]

const files = fc.record({
  compact: fc.constantFrom(aslp, octp, coun),
  jurisdiction: fc.constantFrom('al', 'oh', 'pr'),
  rows: fc.integer({ min: 1, max: 300 }),
  seed: fc.nat(),
  later: fc.boolean(),
  badBytes: fc.boolean(),
})

const big: SampleFile = { compact: aslp, jurisdiction: 'oh', rows: 10_000, seed: 7 }

let judgedBig: ReturnType<typeof judge>

beforeAll(() => {
  judgedBig = judge(big)
})

test('generateLicenseFile() gives equal bytes for equal options, and others for another seed', () => {
  const [first, again, other] = [7, 7, 8].map((seed) => readFile({ ...big, rows: 300, seed }))
  expect(first?.equals(again ?? Buffer.alloc(0))).toBe(true)
  expect(first?.equals(other ?? Buffer.alloc(0))).toBe(false)
})

test('countLicenseFile() says what the rules say of every file', () => {
  fc.assert(
    fc.property(files, (file) => {
      const { outcome } = judge(file)
      expect(pickOutcome(countLicenseFile(file))).toEqual(outcome)
    }),
    { numRuns: 30 },
  )
})

test('countLicenseFile() foretells what a later file changes in what the first one left', () => {
  fc.assert(
    fc.property(files, (file) => {
      const stored = judge({ ...file, later: false }).good
      const later = { ...file, later: true }
      const { created, updated, unchanged, stale } = countLicenseFile(later)
      expect({ created, updated, unchanged, stale }).toEqual({
        ...compare(stored, judge(later).good),
        stale: 0,
      })
    }),
    { numRuns: 20 },
  )
})

test('a large file has every kind of fault, and about 2 % of them', () => {
  const { outcome, good } = judgedBig
  const counts = countLicenseFile(big)
  expect(pickOutcome(counts)).toEqual(outcome)
  expect(outcome.rejected / outcome.records).toBeCloseTo(0.02, 2)
  expect(outcome.duplicates).toBeGreaterThan(20)
  expect(Object.keys(counts.faults).toSorted()).toEqual(allFaultKinds.toSorted())
  expect(new Set([...good.values()].map(({ licenseType }) => licenseType)).size).toBe(2)
})

test('a later file leaves most licensees alone and renews, deactivates and adds some', () => {
  const { created, updated, unchanged, accepted } = countLicenseFile({ ...big, later: true })
  expect(unchanged / accepted).toBeGreaterThan(0.75)
  expect(updated / accepted).toBeGreaterThan(0.1)
  expect(created / accepted).toBeGreaterThan(0.02)
})

test('most rows raise no warning', () => {
  const { warned } = judgedBig
  expect(warned).toBeGreaterThan(0)
  expect(warned / big.rows).toBeLessThan(0.01)
})

test('no SSN of a sample was ever issued', () => {
  const { good } = judge({ ...big, rows: 2_000 })
  const groups = [...good.values()].map(({ ssn }) => ssn.slice(4, 6))
  expect(new Set(groups)).toEqual(new Set(['00']))
})

test('boards of one seed share some people, who have the same names in both files', () => {
  const [oh, ky] = ['oh', 'ky'].map((jurisdiction) => people({ ...big, rows: 2_000, jurisdiction }))
  const shared = [...(oh ?? [])].filter(([ssn]) => ky?.has(ssn))
  expect(shared.length).toBeGreaterThan(80)
  for (const [ssn, name] of shared) expect(ky?.get(ssn)).toBe(name)
})

test('listOvertaken() gives valid records of licensees of both files, with other content', () => {
  const later = { ...big, rows: 500, later: true }
  const stored = judge({ ...later, later: false }).good
  const uploaded = judge(later).good
  const overtaken = listOvertaken(later, 25)
  const validate = createLicenseValidator(aslp)
  expect(overtaken).toHaveLength(25)
  for (const record of overtaken) {
    expect(validate(record)).toMatchObject({ ok: true })
    expect(stored.get(keyOf(record))).not.toEqual(record)
    expect(uploaded.get(keyOf(record))).not.toEqual(record)
  }
  const [plain, counts] = [countLicenseFile(later), countLicenseFile(later, { overtaken: 25 })]
  expect(counts.stale).toBe(25)
  expect(counts.created).toBe(plain.created)
  expect(counts.updated + counts.unchanged + 25).toBe(plain.updated + plain.unchanged)
})

type Outcome = Pick<
  ReturnType<typeof countLicenseFile>,
  'records' | 'accepted' | 'rejected' | 'duplicates'
>

function pickOutcome({ records, accepted, rejected, duplicates }: Outcome): Outcome {
  return { records, accepted, rejected, duplicates }
}

function readFile(file: SampleFile): Buffer {
  return Buffer.concat([...generateLicenseFile(file)])
}

// The file as the product reads it: the accepted records by their key, and the counts.
function judge(file: SampleFile): {
  outcome: Outcome
  good: Map<string, LicenseRecord>
  warned: number
} {
  const bytes = readFile(file)
  const verdict = checkHeader(bytes, licenseLayout)
  if (!verdict.ok) throw new Error(verdict.fault.message)
  const { header } = verdict
  const from = { byte: header.bodyByte, line: header.bodyLine, record: 1 }
  const compact = defaultCompacts.find(
    ({ abbreviation }) => abbreviation === file.compact.abbreviation,
  )
  const validate = createLicenseValidator(compact ?? aslp, { jurisdiction: file.jurisdiction })
  const good = new Map<string, LicenseRecord>()
  const outcome = { records: 0, accepted: 0, rejected: 0, duplicates: 0 }
  let warned = 0
  for (const row of readRecords(bytes.subarray(header.bodyByte), { header, from })) {
    outcome.records += 1
    const record = accept(row, validate, header.columns)
    if (record === undefined) outcome.rejected += 1
    else if (good.has(keyOf(record))) outcome.duplicates += 1
    else {
      good.set(keyOf(record), record)
      outcome.accepted += 1
      if (Object.keys(validate(record).warnings).length > 0) warned += 1
    }
  }
  return { outcome, good, warned }
}

function accept(
  row: CsvRecord,
  validate: ReturnType<typeof createLicenseValidator>,
  columns: readonly string[],
): LicenseRecord | undefined {
  if (row.fault) return undefined
  const verdict = validate(createRowReader(columns)(row.cells))
  return verdict.ok ? verdict.record : undefined
}

function compare(
  stored: ReadonlyMap<string, LicenseRecord>,
  uploaded: ReadonlyMap<string, LicenseRecord>,
): { created: number; updated: number; unchanged: number } {
  const outcome = { created: 0, updated: 0, unchanged: 0 }
  for (const [key, record] of uploaded) {
    const before = stored.get(key)
    if (!before) outcome.created += 1
    else if (JSON.stringify(before) === JSON.stringify(record)) outcome.unchanged += 1
    else outcome.updated += 1
  }
  return outcome
}

function people(file: SampleFile): Map<string, string> {
  const { good } = judge(file)
  return new Map([...good.values()].map(({ ssn, dateOfBirth }) => [ssn, dateOfBirth]))
}

function keyOf({ ssn, licenseType }: LicenseRecord): string {
  return `${ssn} ${licenseType}`
}
