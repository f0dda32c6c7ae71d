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

/** The line break of the first record that has one; CRLF where none has. */
export function findLineBreak(records: readonly Buffer[]): string {
  const ended = records.find((bytes) => bytes.at(-1) === lineFeed)
  return !ended || ended.at(-2) === carriageReturn ? '\r\n' : '\n'
}

/** The records one after the other, each with the line break that it may lack at the end of a file. */
export function completeRows(records: readonly Buffer[], lineBreak: string): Buffer {
  const end = Buffer.from(lineBreak)
  return Buffer.concat(
    records.flatMap((bytes) => (bytes.at(-1) === lineFeed ? [bytes] : [bytes, end])),
  )
}

function endOfRecord(bytes: Buffer): number {
  const end = bytes.at(-1) === lineFeed ? bytes.length - 1 : bytes.length
  return bytes[end - 1] === carriageReturn ? end - 1 : end
}
