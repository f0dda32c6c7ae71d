import { endOfContent, isBlankLine, lineFeed } from './lines.ts'

const mark = Buffer.from([0xef, 0xbb, 0xbf])

/** The first line that is not blank: bytes `[start, contentEnd)`, and `end` where its LF is. */
export type HeaderLine = {
  readonly start: number
  readonly contentEnd: number
  readonly end: number
  /** Physical line, from 1. */
  readonly number: number
}

/** The line that should be the header, behind a UTF-8 mark; empty when there is no text. */
export function findHeaderLine(bytes: Buffer): HeaderLine {
  let start = bytes.subarray(0, mark.length).equals(mark) ? mark.length : 0
  for (let number = 1; ; number += 1) {
    const lineFeedAt = bytes.indexOf(lineFeed, start)
    const end = lineFeedAt === -1 ? bytes.length : lineFeedAt
    if (end === bytes.length || !isBlankLine(bytes, start, end)) {
      return { start, contentEnd: endOfContent(bytes, start, end), end, number }
    }
    start = end + 1
  }
}
