import { splitCells } from '../../core/csv/cells.ts'
import { carriageReturn, lineFeed } from '../../core/csv/lines.ts'
import { QuoteTracker } from '../../core/csv/quoting.ts'

/** The cells of one CSV record, bad bytes replaced; undefined where its quotes make it unreadable. */
export function readCells(bytes: Buffer): string[] | undefined {
  const content = bytes.subarray(0, endOfRecord(bytes))
  const tracker = new QuoteTracker()
  tracker.readLine(content, 0, content.length)
  if (tracker.isOpen || tracker.isMalformed) return undefined
  return splitCells(content.toString('utf8'))
}

/** The record's bytes with the line break that they may lack at the end of a file. */
export function withLineBreak(bytes: Buffer): Buffer {
  return bytes.at(-1) === lineFeed ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')])
}

function endOfRecord(bytes: Buffer): number {
  const end = bytes.at(-1) === lineFeed ? bytes.length - 1 : bytes.length
  return bytes[end - 1] === carriageReturn ? end - 1 : end
}
