import { maxRowBytes } from './lines.ts'
import { RecordScanner, type RowWidth, type ScanPosition } from './record-scanner.ts'

/** Bytes `[byteStart, byteEnd)` of the file that hold whole records, at least one. */
export type CsvChunk = {
  readonly byteStart: number
  readonly byteEnd: number
  /** Physical line at `byteStart`, from 1. */
  readonly firstLine: number
  /** Number of the first record, from 1. */
  readonly firstRecord: number
  readonly records: number
}

export type IndexOptions = {
  readonly width: RowWidth
  /** Where the first of the bytes is in the file: the body's start, or `next` of the bytes before. */
  readonly from: ScanPosition
  /** True when no bytes follow. */
  readonly isLast: boolean
  /** A chunk ends with the first record that brings it to this size. */
  readonly targetBytes: number
  /** The same for the chunk of the first record; a small one shows a first result soon. */
  readonly firstTargetBytes?: number
  /** A chunk has at most so many records, however short they are; any number where not given. */
  readonly maxRecords?: number
  /** `maxRowBytes` where not given. */
  readonly maxRowBytes?: number
}

export type IndexedChunks = {
  readonly chunks: readonly CsvChunk[]
  /**
   * Where the bytes to be given next begin; a JSON value. It is before the end of those given when
   * they end within a record: that record is then read again.
   */
  readonly next: ScanPosition
}

/** Bytes with which `indexChunks` always gets on: a span at the limit and the line that ends it. */
export const minSegmentBytes = 4 * maxRowBytes

/**
 * Cuts some of a file's bytes into chunks on record boundaries. Keeps no state: `next` alone leads
 * on, in the same process or in another. A chunk much under the target is left for the next bytes.
 * Read each chunk with `readRecords`, from `startOfChunk(chunk)`.
 */
export function indexChunks(bytes: Uint8Array, options: IndexOptions): IndexedChunks {
  const scanner = new RecordScanner(bytes, options)
  const chunks: CsvChunk[] = []
  let open: CsvChunk | undefined
  while (scanner.next()) {
    open = extendChunk(open, { scanner, offset: options.from.byte })
    if (scanner.kind !== 'long' && !isFull(open, options)) continue
    chunks.push(open)
    open = undefined
  }
  if (open === undefined) return { chunks, next: scanner.position }
  if (!options.isLast && chunks.length > 0 && sizeOf(open) * 2 < options.targetBytes) {
    return { chunks, next: startOfChunk(open) }
  }
  return { chunks: [...chunks, open], next: scanner.position }
}

/** Where the chunk begins in the file. */
export function startOfChunk(chunk: CsvChunk): ScanPosition {
  return { byte: chunk.byteStart, line: chunk.firstLine, record: chunk.firstRecord }
}

function extendChunk(
  chunk: CsvChunk | undefined,
  { scanner, offset }: { readonly scanner: RecordScanner; readonly offset: number },
): CsvChunk {
  const byteEnd = offset + scanner.end
  if (chunk !== undefined) return { ...chunk, byteEnd, records: chunk.records + 1 }
  return {
    byteStart: offset + scanner.start,
    byteEnd,
    firstLine: scanner.firstLine,
    firstRecord: scanner.record,
    records: 1,
  }
}

function isFull(chunk: CsvChunk, options: IndexOptions): boolean {
  const { maxRecords = Number.POSITIVE_INFINITY } = options
  return sizeOf(chunk) >= targetOf(chunk, options) || chunk.records >= maxRecords
}

function sizeOf(chunk: CsvChunk): number {
  return chunk.byteEnd - chunk.byteStart
}

function targetOf(chunk: CsvChunk, options: IndexOptions): number {
  const { targetBytes, firstTargetBytes = targetBytes } = options
  return chunk.firstRecord === 1 ? firstTargetBytes : targetBytes
}
