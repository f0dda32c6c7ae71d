import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { checkHeader, type CsvHeader } from '../../../core/csv/header.ts'
import { readRecords } from '../../../core/csv/records.ts'
import { createRowReader } from '../../../core/csv/row.ts'

const require = createRequire(import.meta.url)
const spectrum = join(dirname(require.resolve('csv-spectrum/package.json')), 'csvs')
const papaparse = join(dirname(require.resolve('papaparse/package.json')), 'tests')
const malformed = 'location_coordinates.csv'

test.each([...listFiles(spectrum), ...listFiles(papaparse)])(
  'readRecords() reads %s',
  (_, path) => {
    const bytes = readFileSync(path)
    const expected: string[][] = parse(bytes, {
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
    })
    const [columns = [], ...rows] = expected
    const header = getHeader(bytes, columns)
    const records = [
      ...readRecords(bytes.subarray(header.bodyByte), {
        header,
        from: { byte: header.bodyByte, line: header.bodyLine, record: 1 },
      }),
    ]
    expect(header.columns).toEqual(columns)
    expect(records.map(({ cells }) => cells)).toEqual(rows)
  },
)

test.each(listFiles(spectrum))(
  'readRecords() and createRowReader() give the objects of %s',
  (_, path) => {
    const json = path.replace('/csvs/', '/json/').replace('.csv', '.json')
    const expected = JSON.parse(readFileSync(json, 'utf8')) as Record<string, string>[]
    const bytes = readFileSync(path)
    const header = getHeader(bytes, Object.keys(expected[0] ?? {}))
    const records = readRecords(bytes.subarray(header.bodyByte), {
      header,
      from: { byte: header.bodyByte, line: header.bodyLine, record: 1 },
    })
    const readRow = createRowReader(header.columns)
    const rows = [...records].map(({ cells }) => readRow(cells))
    expect(rows).toEqual(expected.map(withoutEmpty))
  },
)

// Name and path of each file; `malformed` is the corpora's one that no strict reader takes.
function listFiles(directory: string): [string, string][] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.csv') && name !== malformed)
    .map((name) => [name, join(directory, name)])
}

test('readRecords() refuses a row of stray quotes, and the row only', () => {
  const bytes = readFileSync(join(spectrum, malformed))
  const header = getHeader(bytes, parse(bytes.subarray(0, bytes.indexOf('\n')))[0] as string[])
  const records = readRecords(bytes.subarray(header.bodyByte), {
    header,
    from: { byte: header.bodyByte, line: header.bodyLine, record: 1 },
  })
  expect([...records].map(({ firstLine, fault }) => [firstLine, fault?.code])).toEqual([
    [2, 'malformed_quote'],
  ])
})

function getHeader(bytes: Buffer, columns: readonly string[]): CsvHeader {
  const verdict = checkHeader(bytes, { required: columns, optional: [] })
  if (!verdict.ok) throw new Error(verdict.fault.message)
  return verdict.header
}

function withoutEmpty(row: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(row).filter(([, cell]) => cell !== ''))
}
