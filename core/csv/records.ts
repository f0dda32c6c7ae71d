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
  readonly fault: RowFault | undefined
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
    const { cells, fault } = readContent(buffer, scanner, { header, limit })
    yield {
      record: scanner.record,
      firstLine: scanner.firstLine,
      lastLine: scanner.lastLine,
      byteStart: from.byte + scanner.start,
      byteEnd: from.byte + scanner.end,
      cells,
      fault,
    }
  }
}

type Content = Pick<CsvRecord, 'cells' | 'fault'>

function readContent(
  bytes: Buffer,
  scanner: RecordScanner,
  { header, limit }: { readonly header: CsvHeader; readonly limit: number },
): Content {
  if (scanner.kind === 'long') return { cells: [], fault: rowTooLong(limit) }
  if (scanner.kind === 'broken') return { cells: [], fault: malformedQuote }
  const { text, badByte } = decodeText(bytes, scanner.start, endWithoutBreak(bytes, scanner))
  const cells = splitCells(text)
  if (badByte === undefined) return { cells, fault: findWidthFault(cells, header) }
  return { cells, fault: describeBadByte(bytes, badByte, scanner) }
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
  badByte: number,
  { start, firstLine }: RecordScanner,
): RowFault {
  let lineStart = start
  let line = firstLine
  for (;;) {
    const lineEnd = bytes.indexOf(lineFeed, lineStart)
    if (lineEnd === -1 || lineEnd >= badByte) break
    lineStart = lineEnd + 1
    line += 1
  }
  const byte = badByte - lineStart + 1
  return bytes[badByte] === 0 ? nulByte(line, byte) : invalidUtf8(line, byte)
}
