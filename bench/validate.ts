import { parse } from 'csv-parse/sync'
import { indexChunks } from '../core/csv/chunks.ts'
import { checkHeader, type CsvHeader } from '../core/csv/header.ts'
import { readRecords } from '../core/csv/records.ts'
import { createRowReader, type CsvRow } from '../core/csv/row.ts'
import { writeLine } from '../core/csv/write.ts'
import { licenseLayout } from '../core/license/columns.ts'
import { defaultCompacts, findCompact, type Compact } from '../core/license/compacts.ts'
import { createLicenseValidator } from '../core/license/record.ts'
import { createLicenseSchema } from '../core/license/schema.ts'
import { generateLicenseFile } from '../core/sample/licenses.ts'
import { median, type Bench, type BenchRow } from './report.ts'

const ROWS = 50_000
const TARGET_BYTES = 1 << 20
const place = { compact: 'aslp', jurisdiction: 'oh' }

type CsvFile = { readonly bytes: Buffer; readonly header: CsvHeader }

type Step = { readonly name: string; readonly run: () => number }

/** Finding, reading and validating the rows of a board's file, in time of a processor. */
export const validateBench: Bench = async ({ repeats }) => {
  const compact = getCompact()
  const file = createFile(compact)
  return {
    name: 'validate',
    against: 'csv-parse, and the zod schema made from the same rules',
    rows: listSteps(file, compact).map((step) => measure(step, { repeats, file })),
  }
}

function listSteps(file: CsvFile, compact: Compact): Step[] {
  const rows = listRows(file)
  const validate = createLicenseValidator(compact, place)
  const schema = createLicenseSchema(compact, { place })
  return [
    { name: 'find chunks', run: () => countIndexed(file) },
    { name: 'read rows', run: () => listRows(file).length },
    { name: 'read rows with csv-parse', run: () => parse(file.bytes, { columns: true }).length },
    { name: 'validate rows', run: () => count(rows, (row) => validate(row).ok) },
    {
      name: 'validate rows with zod',
      run: () => count(rows, (row) => schema.safeParse(row).success),
    },
    {
      name: 'read and validate rows',
      run: () => count(listRows(file), (row) => validate(row).ok),
    },
  ]
}

function measure(
  { name, run }: Step,
  { repeats, file }: { readonly repeats: number; readonly file: CsvFile },
): BenchRow {
  // Not measured: it compiles the code.
  const rows = run()
  const times = Array.from({ length: repeats }, () => {
    const start = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(start)
    return user + system
  })
  const microseconds = median(times)
  return {
    step: name,
    rows,
    'rows/s': Math.round((rows / microseconds) * 1e6),
    'µs/row': microseconds / rows,
    'MB/s': file.bytes.length / microseconds,
  }
}

function getCompact(): Compact {
  const compact = findCompact(defaultCompacts, place.compact)
  if (compact === undefined) throw new Error(`Cannot find compact "${place.compact}"`)
  return compact
}

// A sample without its faulty rows, which csv-parse would refuse with the file.
function createFile(compact: Compact): CsvFile {
  const sample = generateLicenseFile({ compact, jurisdiction: 'oh', seed: 1, rows: ROWS })
  const all = readFile(Buffer.concat([...sample]))
  const validate = createLicenseValidator(compact, place)
  const good = listRows(all).filter((row) => validate(row).ok)
  const { columns } = all.header
  const lines = good.map((row) => writeLine(columns.map((name) => row[name] ?? '')))
  return readFile(Buffer.from([writeLine(columns), ...lines].join('')))
}

function readFile(bytes: Buffer): CsvFile {
  const verdict = checkHeader(bytes, licenseLayout)
  if (!verdict.ok) throw new Error(verdict.fault.message)
  return { bytes, header: verdict.header }
}

function listRows({ bytes, header }: CsvFile): CsvRow[] {
  const from = { byte: header.bodyByte, line: header.bodyLine, record: 1 }
  const readRow = createRowReader(header.columns)
  const rows: CsvRow[] = []
  for (const { cells, fault } of readRecords(bytes.subarray(header.bodyByte), { header, from })) {
    if (fault === undefined) rows.push(readRow(cells))
  }
  return rows
}

function countIndexed({ bytes, header }: CsvFile): number {
  const { next } = indexChunks(bytes.subarray(header.bodyByte), {
    width: header,
    from: { byte: header.bodyByte, line: header.bodyLine, record: 1 },
    isLast: true,
    targetBytes: TARGET_BYTES,
  })
  return next.record - 1
}

function count(rows: readonly CsvRow[], isCounted: (row: CsvRow) => boolean): number {
  return rows.filter(isCounted).length
}
