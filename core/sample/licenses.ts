import type { LicenseRecord } from '../license/record.ts'
import { applyChange, changeOf, updateContact } from './changes.ts'
import { sampleColumns, writeFaultyRow, writeRow, type FaultKind } from './faults.ts'
import { createLicensee, type MutableRecord } from './licensee.ts'
import { planLicensee, planRows, streamOf, type PlannedRow, type SampleFile } from './plan.ts'

/** What becomes of a file's rows; the counts that an upload shows, and how many rows have which fault. */
export type SampleCounts = {
  readonly records: number
  readonly accepted: number
  readonly rejected: number
  readonly duplicates: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly stale: number
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
}

export type CountOptions = {
  /** So many licensees (see `listOvertaken`) have newer data already when the file is applied. */
  readonly overtaken?: number
}

const BLANK_LINE = 0.001
const encoder = new TextEncoder()

/**
 * The lines of a board's license file, header first, CRLF included. Everything is made up, and equal
 * options give equal bytes; a file of any size takes no memory.
 */
export function* generateLicenseFile(file: SampleFile): Generator<Uint8Array> {
  yield encoder.encode(`${sampleColumns.join(',')}\r\n`)
  for (const row of planRows(file)) {
    yield writePlanned(file, row)
    if (streamOf(file, row.licensee).chance(BLANK_LINE)) yield encoder.encode('\r\n')
  }
}

/**
 * What becomes of each row: of a first file in an empty jurisdiction, or of a later one after the
 * first was ingested, each alone and to its end.
 */
export function countLicenseFile(file: SampleFile, options: CountOptions = {}): SampleCounts {
  const counts = { good: 0, faulty: 0, duplicate: 0 }
  const outcomes = { created: 0, updated: 0, unchanged: 0, stale: 0 }
  const faults: Partial<Record<FaultKind, number>> = {}
  let overtaken = options.overtaken ?? 0
  for (const row of planRows(file)) {
    counts[row.kind] += 1
    if (row.kind === 'faulty') faults[row.fault] = (faults[row.fault] ?? 0) + 1
    if (row.kind !== 'good') continue
    const outcome = outcomeOf(file, row.licensee)
    const isStale = outcome !== 'created' && overtaken > 0
    if (isStale) overtaken -= 1
    outcomes[isStale ? 'stale' : outcome] += 1
  }
  const { good, faulty, duplicate } = counts
  return {
    records: good + faulty + duplicate,
    accepted: good,
    rejected: faulty,
    duplicates: duplicate,
    ...outcomes,
    faults,
  }
}

/**
 * The records of the first licensees that both files of a register accept, newer than in either:
 * posted before the later file is applied, they make those rows of it stale.
 */
export function listOvertaken(later: SampleFile, count: number): LicenseRecord[] {
  const records: LicenseRecord[] = []
  for (const row of planRows(later)) {
    if (records.length === count) break
    if (row.kind !== 'good' || outcomeOf(later, row.licensee) === 'created') continue
    records.push(updateContact(recordOf(later, row.licensee)))
  }
  return records
}

function writePlanned(file: SampleFile, row: PlannedRow): Uint8Array {
  const record = recordOf(file, row.licensee)
  switch (row.kind) {
    case 'good':
      return writeRow(record)
    case 'duplicate':
      return writeRow({ ...record, homeAddressCity: 'Elsewhere' })
    case 'faulty':
      return writeFaultyRow(record, row.fault, streamOf(file, row.licensee))
    default:
      return row satisfies never
  }
}

function recordOf(file: SampleFile, licensee: number): MutableRecord {
  const record = createLicensee(file, licensee)
  if (!file.later) return record
  return applyChange(record, changeOf(file, licensee), { register: file, index: licensee })
}

function outcomeOf(file: SampleFile, licensee: number): 'created' | 'updated' | 'unchanged' {
  if (!file.later) return 'created'
  const before = planLicensee({ ...file, later: false }, licensee)
  if (before?.kind !== 'good') return 'created'
  return changeOf(file, licensee) === 'none' ? 'unchanged' : 'updated'
}
