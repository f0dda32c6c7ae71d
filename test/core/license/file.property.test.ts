import { fc } from '../../support/properties.ts'
import { checkHeader } from '../../../core/csv/header.ts'
import { readRecords } from '../../../core/csv/records.ts'
import { createRowReader } from '../../../core/csv/row.ts'
import { licenseLayout } from '../../../core/license/columns.ts'
import { defaultCompacts, findCompact, type Compact } from '../../../core/license/compacts.ts'
import { createLicenseValidator } from '../../../core/license/record.ts'
import { fullRow } from '../../support/license-rows.ts'

const aslp = findCompact(defaultCompacts, 'aslp') as Compact
const validate = createLicenseValidator(aslp, { jurisdiction: 'oh' })
const names = Object.keys(fullRow).join(',')
const rows = Array.from({ length: 8 }, (_, index) => ({ ...fullRow, ssn: `123-45-678${index}` }))
const file = Buffer.from(
  `${names}\n${rows.map((row) => Object.values(row).join(',')).join('\n')}\n`,
)

const edit = fc.record({
  // Behind the header: a column less there makes all rows too long.
  at: fc.integer({ min: names.length + 1, max: file.length - 1 }),
  removed: fc.nat(3),
  added: fc.oneof(
    fc.constantFrom('"', ',', '\n', '\r\n', ' ', '\0', '\ufeff').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }),
  ),
})

test('a license file with any bytes of its rows changed loses no row but those beside a change', () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      const bytes = edits.reduce(apply, file)
      // An edit touches two rows at most, the second by the line break that it removes.
      expect(countValid(bytes)).toBeGreaterThanOrEqual(rows.length - 2 * edits.length)
    }),
    { numRuns: 5_000 },
  )
})

test('checkHeader() judges any bytes without a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isNamed) => {
      const head = isNamed ? Buffer.concat([Buffer.from(names), bytes]) : bytes
      const verdict = checkHeader(head, licenseLayout)
      expect(verdict.ok || verdict.fault.message.length).toBeTruthy()
    }),
    { numRuns: 5_000 },
  )
})

function countValid(bytes: Buffer): number {
  const verdict = checkHeader(bytes, licenseLayout)
  if (!verdict.ok) throw new Error(verdict.fault.message)
  const { header } = verdict
  const readRow = createRowReader(header.columns)
  const from = { byte: header.bodyByte, line: header.bodyLine, record: 1 }
  return [...readRecords(bytes.subarray(header.bodyByte), { header, from })].filter(
    ({ cells, fault }) => fault === undefined && validate(readRow(cells)).ok,
  ).length
}

function apply(
  bytes: Buffer,
  { at, removed, added }: { at: number; removed: number; added: Uint8Array },
): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])
}
