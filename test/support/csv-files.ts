import { fc } from './properties.ts'
import { indexChunks, startOfChunk } from '../../core/csv/chunks.ts'
import type { CsvHeader } from '../../core/csv/header.ts'
import type { ScanPosition } from '../../core/csv/record-scanner.ts'
import { readRecords, type CsvRecord } from '../../core/csv/records.ts'

/** A header of columns `a` (required), `b` (required) and `c`, with an empty cell behind them. */
export const header: CsvHeader = {
  columns: ['a', 'b', 'c'],
  minCells: 2,
  maxCells: 4,
  bodyByte: 0,
  bodyLine: 1,
}

/** A limit that generated rows get over. */
export const smallRowBytes = 40

export const fileStart: ScanPosition = { byte: 0, line: 1, record: 1 }

const bytePieces = ['ff', 'c3', '00', 'efbbbf', 'f09f9880'].map((hex) => Buffer.from(hex, 'hex'))
const textPieces = [
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '\r',
  ' ',
  '\t',
  'x',
  'é',
  '","',
  '"\n',
  '\n"',
  ',"',
  '",',
  '1,2\n',
  '1,2,3\n',
  '1,"2, 2",3\r\n',
  '"1","2""2",\n',
  '1,2,3,\n',
  '1,2,3,4\n',
  '1\n',
  '"open,2,3\n',
  '1,op"en\n',
  '"1"x,2\n',
  '"over\ntwo lines",2\n',
  '\n\n',
  'y'.repeat(39),
].map((text) => Buffer.from(text))

/** Files with everything that can be wrong with rows. */
export const wildFile: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...textPieces) },
      { weight: 1, arbitrary: fc.constantFrom(...bytePieces) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => Buffer.concat(pieces))

/** The records of a whole file under the small limit. */
export function readWhole(bytes: Buffer): CsvRecord[] {
  return [...readRecords(bytes, { header, from: fileStart, maxRowBytes: smallRowBytes })]
}

/** The same, read chunk by chunk as found in segments of these sizes, the last one repeated. */
export function readInChunks(
  bytes: Buffer,
  sizes: { readonly segments: readonly number[]; readonly targetBytes: number },
): CsvRecord[] {
  const records: CsvRecord[] = []
  let from = fileStart
  let turn = 0
  let segmentBytes = 0
  while (from.byte < bytes.length) {
    // A segment in which no record ends is read again with the bytes that follow.
    segmentBytes += sizes.segments[Math.min(turn, sizes.segments.length - 1)] ?? 1
    turn += 1
    const end = Math.min(from.byte + segmentBytes, bytes.length)
    const isLast = end === bytes.length
    const { chunks, next } = indexChunks(bytes.subarray(from.byte, end), {
      width: header,
      from,
      isLast,
      targetBytes: sizes.targetBytes,
      maxRowBytes: smallRowBytes,
    })
    for (const chunk of chunks) {
      const read = readRecords(bytes.subarray(chunk.byteStart, chunk.byteEnd), {
        header,
        from: startOfChunk(chunk),
        maxRowBytes: smallRowBytes,
      })
      records.push(...read)
    }
    if (next.byte > from.byte) segmentBytes = 0
    if (isLast && chunks.length === 0) break
    from = JSON.parse(JSON.stringify(next)) as ScanPosition // the shape that was written
  }
  return records
}
