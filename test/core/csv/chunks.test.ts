import { fc } from '../../support/properties.ts'
import { indexChunks, minSegmentBytes, startOfChunk } from '../../../core/csv/chunks.ts'
import { readRecords } from '../../../core/csv/records.ts'
import {
  fileStart,
  header,
  readInChunks,
  readWhole,
  smallRowBytes,
  wildFile,
} from '../../support/csv-files.ts'

test('indexChunks() gives the records of the whole file for any chunk and segment sizes', () => {
  const sizes = fc.record({
    segments: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
    targetBytes: fc.integer({ min: 1, max: 300 }),
  })
  fc.assert(
    fc.property(wildFile, sizes, (bytes, chosen) => {
      expect(readInChunks(bytes, chosen)).toEqual(readWhole(bytes))
    }),
    { numRuns: 5_000 },
  )
})

test('indexChunks() cuts a file into chunks of the target size, the first one smaller', () => {
  const bytes = Buffer.from('1,2,3\n'.repeat(1_000))
  const { chunks, next } = indexChunks(bytes, {
    width: header,
    from: fileStart,
    isLast: true,
    targetBytes: 1_200,
    firstTargetBytes: 60,
  })
  expect(chunks.map(({ records }) => records)).toEqual([10, 200, 200, 200, 200, 190])
  expect(chunks[1]).toEqual({
    byteStart: 60,
    byteEnd: 1_260,
    firstLine: 11,
    firstRecord: 11,
    records: 200,
  })
  expect(next).toEqual({ byte: 6_000, line: 1_001, record: 1_001 })
})

test('indexChunks() leaves a small rest of a segment for the next one', () => {
  const bytes = Buffer.from('1,2,3\n'.repeat(25))
  const options = { width: header, from: fileStart, targetBytes: 60 }
  const { chunks, next } = indexChunks(bytes, { ...options, isLast: false })
  expect(chunks.map(({ records }) => records)).toEqual([10, 10, 5])
  expect(next.byte).toBe(150)
  const shorter = indexChunks(bytes.subarray(0, 144), { ...options, isLast: false })
  expect(shorter.chunks.map(({ records }) => records)).toEqual([10, 10])
  expect(shorter.next).toEqual({ byte: 120, line: 21, record: 21 })
})

test('indexChunks() passes over the rest of a line that is over the limit', () => {
  const line = 'x'.repeat(10 * smallRowBytes)
  const bytes = Buffer.from(`1,2,3\n${line}\n4,5,6\n`)
  const { chunks } = indexChunks(bytes, {
    width: header,
    from: fileStart,
    isLast: true,
    targetBytes: 1_000,
    maxRowBytes: smallRowBytes,
  })
  expect(chunks).toEqual([
    { byteStart: 0, byteEnd: 7 + smallRowBytes, firstLine: 1, firstRecord: 1, records: 2 },
    { byteStart: 407, byteEnd: 413, firstLine: 3, firstRecord: 3, records: 1 },
  ])
})

test('indexChunks() gets on with segments of minSegmentBytes, whatever they hold', () => {
  const open = `"${'x,\n'.repeat(30_000)}`
  const long = 'y'.repeat(200_000)
  const bytes = Buffer.from(`${open}\n${long}\n${open}"\n${long}`)
  let from = fileStart
  const lines: number[] = []
  while (from.byte < bytes.length) {
    const end = Math.min(from.byte + minSegmentBytes, bytes.length)
    const { chunks, next } = indexChunks(bytes.subarray(from.byte, end), {
      width: header,
      from,
      isLast: end === bytes.length,
      targetBytes: 1_000_000,
    })
    for (const chunk of chunks) {
      const read = [
        ...readRecords(bytes.subarray(chunk.byteStart, chunk.byteEnd), {
          header,
          from: startOfChunk(chunk),
        }),
      ]
      expect(read).toHaveLength(chunk.records)
      lines.push(...read.map(({ firstLine }) => firstLine))
    }
    expect(next.byte).toBeGreaterThan(from.byte)
    from = next
  }
  expect(lines.at(-1)).toBe(bytes.toString('latin1').split('\n').length)
})
