import { splitCells } from './cells.ts'
import { findColumnFault, findSeparatorFault } from './column-names.ts'
import { findContentFault } from './content.ts'
import { emptyFile, headerTooLong, malformedHeader, type FileFault } from './file-faults.ts'
import { findHeaderLine, type HeaderLine } from './header-line.ts'
import { isBlankLine, maxRowBytes } from './lines.ts'
import { QuoteTracker } from './quoting.ts'
import { decodeText } from './utf8.ts'
import { isBlank } from '../white-space.ts'

/** The columns that a kind of upload has; names are exact. */
export type CsvLayout = {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** Other names in use, without case, spaces and punctuation, for the "did you mean". */
  readonly aliases?: Readonly<Record<string, string>>
}

/** What the header says of the file, as a JSON value. */
export type CsvHeader = {
  /** Names in the file's order. */
  readonly columns: readonly string[]
  /** Cells up to the last required column: with fewer no row is valid. */
  readonly minCells: number
  /** Cells of the header, trailing empty ones included. */
  readonly maxCells: number
  /** Offset in the file of the first byte behind the header, and its physical line. */
  readonly bodyByte: number
  readonly bodyLine: number
}

export type HeaderVerdict =
  | { readonly ok: true; readonly header: CsvHeader }
  | { readonly ok: false; readonly fault: FileFault }

/** Bytes of a file that are enough to judge its header. */
export const headBytes = maxRowBytes + 1

/**
 * Judges a file by its first bytes: all of it, or `headBytes` at least. Refused are other encodings
 * than UTF-8 (a mark is allowed), binary content, other separators than commas, and columns that
 * are unknown, missing or there twice; all that is wrong with the columns is in one message.
 */
export function checkHeader(head: Uint8Array, layout: CsvLayout): HeaderVerdict {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  const line = findHeaderLine(bytes)
  const contentFault = findContentFault(bytes, line) ?? findLengthFault(bytes, line)
  if (contentFault !== undefined) return { ok: false, fault: contentFault }
  const { text } = decodeText(bytes, line.start, line.contentEnd)
  const place = { layout, line: line.number }
  const fault = findSeparatorFault(text, place) ?? findQuoteFault(bytes, line)
  if (fault !== undefined) return { ok: false, fault }
  const cells = splitCells(text)
  const columns = withoutTrailingEmpty(cells)
  const columnFault = findColumnFault(columns, place)
  if (columnFault !== undefined) return { ok: false, fault: columnFault }
  const lastRequired = Math.max(0, ...layout.required.map((name) => columns.indexOf(name)))
  return {
    ok: true,
    header: {
      columns,
      minCells: lastRequired + 1,
      maxCells: cells.length,
      bodyByte: Math.min(line.end + 1, bytes.length),
      bodyLine: line.number + 1,
    },
  }
}

function findLengthFault(bytes: Buffer, line: HeaderLine): FileFault | undefined {
  if (line.end - line.start > maxRowBytes) return headerTooLong(line.number, maxRowBytes)
  return isBlankLine(bytes, line.start, line.end) ? emptyFile : undefined
}

function findQuoteFault(bytes: Buffer, line: HeaderLine): FileFault | undefined {
  const tracker = new QuoteTracker()
  tracker.readLine(bytes, line.start, line.contentEnd)
  return tracker.isOpen || tracker.isMalformed ? malformedHeader(line.number) : undefined
}

function withoutTrailingEmpty(cells: readonly string[]): string[] {
  return cells.slice(0, cells.findLastIndex((cell) => !isBlank(cell)) + 1)
}
