import { z } from 'zod'
import { writeSafeLine } from '../../core/csv/write.ts'
import type { FieldMessages } from '../../core/license/messages.ts'

import { readCells } from './row-cells.ts'
import { maskCell } from './ssn-mask.ts'

/** A row of which something is to be said, its own bytes decrypted. */
export type SpokenRow = {
  readonly line: number
  readonly record: number
  readonly errors: FieldMessages
  readonly bytes: Buffer | undefined
}

export type UploadRowView = {
  readonly line: number
  readonly record: number
  readonly errors: FieldMessages
  readonly cells: Readonly<Record<string, string>>
}

export const uploadRowSchema = z.object({
  line: z.int().describe('Physical line of the file, from 1'),
  record: z.int().describe('Number of the record, from 1; the header is none'),
  errors: z
    .record(z.string(), z.array(z.object({ message: z.string(), code: z.string() })))
    .describe('Messages by field; `_row` stands for the whole row'),
  cells: z
    .record(z.string(), z.string())
    .describe('The row as it was sent, SSNs masked; empty once its retention has ended'),
})

/** What the documentation shows of a refused row. */
export const uploadRowExample: UploadRowView = {
  line: 4,
  record: 3,
  errors: { dateOfBirth: [{ message: 'Not a valid date.', code: 'invalid_date' }] },
  cells: { ssn: '***-**-6789', familyName: 'Guðmundsdóttir', dateOfBirth: '1984-02-30' },
}

/** The row as JSON: its messages and its own cells, SSNs masked. */
export function presentRow(row: SpokenRow, columns: readonly string[]): UploadRowView {
  const { line, record, errors } = row
  const cells = maskRow(row, columns)
  const present = columns.flatMap((column, index) =>
    column === '' || cells[index] === undefined ? [] : [[column, cells[index]] as const],
  )
  return { line, record, errors, cells: Object.fromEntries(present) }
}

/** The header of `errors.csv` for an upload with these columns. */
export function errorsCsvHeader(columns: readonly string[]): string {
  return writeSafeLine(['line', 'record', 'errors', 'codes', ...columns])
}

/** The row's line in `errors.csv`: messages for people, codes for programs, then its cells. */
export function errorsCsvLine(row: SpokenRow, columns: readonly string[]): string {
  const cells = maskRow(row, columns)
  const spoken = Object.entries(row.errors).flatMap(([field, messages]) =>
    messages.map(({ message, code }) => ({
      message: `${field}: ${message}`,
      code: `${field}:${code}`,
    })),
  )
  return writeSafeLine([
    String(row.line),
    String(row.record),
    spoken.map(({ message }) => message).join(' '),
    spoken.map(({ code }) => code).join(' '),
    ...columns.map((_, index) => cells[index] ?? ''),
  ])
}

// Cells beyond the last column have no name; a row that cannot be told apart has none.
function maskRow(row: SpokenRow, columns: readonly string[]): string[] {
  if (!row.bytes) return []
  const cells = readCells(row.bytes) ?? []
  return columns.flatMap((column, index) => {
    const cell = cells[index]
    return cell === undefined ? [] : [maskCell(column, cell)]
  })
}
