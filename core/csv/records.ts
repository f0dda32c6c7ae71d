import { isBlank } from '../white-space.ts'
import { splitCells } from './cells.ts'
import type { CsvHeader } from './header.ts'
import { carriageReturn, lineFeed, maxRowBytes } from './lines.ts'
import { RecordScanner, type ScanPosition } from './record-scanner.ts'
import {
  invalidUtf8,
  malformedQuote,
  nulByte,
  rowTooLong,
  tooManyCells,
  type RowFault,
} from './row-faults.ts'
import { decodeText } from './utf8.ts'

/** A row, or a span of lines that cannot be read as rows; bytes from 0, lines and records from 1. */
export type CsvRecord = {
  readonly record: number
  readonly firstLine: number
  readonly lastLine: number
  /** The bytes `[byteStart, byteEnd)` of the file, line break included. */
  readonly byteStart: number
  readonly byteEnd: number
  /** As they stand, quotes removed; none where the span cannot be told apart into cells. */
  readonly cells: readonly string[]
  readonly fault?: RowFault
}

export type ReadRecordsOptions = {
  readonly header: CsvHeader
  /** Where the first of the bytes is in the file: the start of the body or of a chunk. */
  readonly from: ScanPosition
  /** `maxRowBytes` where not given. */
  readonly maxRowBytes?: number
}

/** The records in all bytes of a file's body, or of one of its chunks: the same either way. */
export function* readRecords(bytes: Uint8Array, options: ReadRecordsOptions): Generator<CsvRecord> {
  const { header, from } = options
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const limit = options.maxRowBytes ?? maxRowBytes
  const scanner = new RecordScanner(buffer, {
    width: header,
    from,
    isLast: true,
    maxRowBytes: limit,
  })
  while (scanner.next()) {
    const { record, firstLine, lastLine, start, end } = scanner
    const place = {
      record,
      firstLine,
      lastLine,
      byteStart: from.byte + start,
      byteEnd: from.byte + end,
    }
    if (scanner.kind === 'long') yield { ...place, cells: [], fault: rowTooLong(limit) }
    else if (scanner.kind === 'broken') yield { ...place, cells: [], fault: malformedQuote }
    else yield readRow(buffer, scanner, { place, header })
  }
}

type Place = Omit<CsvRecord, 'cells' | 'fault'>

function readRow(
  bytes: Buffer,
  scanner: RecordScanner,
  { place, header }: { readonly place: Place; readonly header: CsvHeader },
): CsvRecord {
  const { start, firstLine } = scanner
  const { text, badByte } = decodeText(bytes, start, endWithoutBreak(bytes, scanner))
  const cells = splitCells(text)
  const fault =
    badByte === undefined
      ? findWidthFault(cells, header)
      : describeBadByte(bytes, { badByte, start, firstLine })
  return fault === undefined ? { ...place, cells } : { ...place, cells, fault }
}

function endWithoutBreak(bytes: Buffer, { start, end }: RecordScanner): number {
  const lineEnd = bytes[end - 1] === lineFeed ? end - 1 : end
  return lineEnd > start && bytes[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd
}

function findWidthFault(cells: readonly string[], header: CsvHeader): RowFault | undefined {
  const { columns, maxCells } = header
  if (cells.length <= columns.length) return undefined
  if (cells.length <= maxCells && cells.slice(columns.length).every(isBlank)) return undefined
  return tooManyCells(cells.length, columns.length)
}

function describeBadByte(
  bytes: Buffer,
  at: { readonly badByte: number; readonly start: number; readonly firstLine: number },
): RowFault {
  let lineStart = at.start
  let line = at.firstLine
  for (;;) {
    const lineEnd = bytes.indexOf(lineFeed, lineStart)
    if (lineEnd === -1 || lineEnd >= at.badByte) break
    lineStart = lineEnd + 1
    line += 1
  }
  const byte = at.badByte - lineStart + 1
  return bytes[at.badByte] === 0 ? nulByte(line, byte) : invalidUtf8(line, byte)
}
