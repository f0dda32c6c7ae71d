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

/** Finding, reading and validating the rows of a board's file, in time of a processor. */
export const validateBench: Bench = async ({ repeats }) => {
  const compact = getCompact()
  const file = createFile(compact)
  const rows = listRows(file)
  const validate = createLicenseValidator(compact, place)
  const schema = createLicenseSchema(compact, { place })
  const steps: Readonly<Record<string, () => number>> = {
    'find chunks': () => countIndexed(file),
    'read rows': () => listRows(file).length,
    'read rows with csv-parse': () => parse(file.bytes, { columns: true }).length,
    'validate rows': () => count(rows, (row) => validate(row).ok),
    'validate rows with zod': () => count(rows, (row) => schema.safeParse(row).success),
    'read and validate rows': () => count(listRows(file), (row) => validate(row).ok),
  }
  const report: BenchRow[] = []
  for (const [step, run] of Object.entries(steps)) {
    const times: number[] = []
    let rowsDone = 0
    // The first run only warms up.
    for (let turn = 0; turn <= repeats; turn += 1) {
      const start = process.cpuUsage()
      rowsDone = run()
      const { user, system } = process.cpuUsage(start)
      if (turn > 0) times.push((user + system) / 1_000)
    }
    report.push(describeStep({ step, rows: rowsDone, ms: median(times), file }))
  }
  const against = 'csv-parse, and the zod schema made from the same rules'
  return { name: 'validate', against, rows: report }
}

function describeStep(done: {
  readonly step: string
  readonly rows: number
  readonly ms: number
  readonly file: CsvFile
}): BenchRow {
  const { step, rows, ms, file } = done
  return {
    step,
    rows,
    'rows/s': Math.round((rows / ms) * 1_000),
    'µs/row': (ms * 1_000) / rows,
    'MB/s': file.bytes.length / 1_000 / ms,
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
