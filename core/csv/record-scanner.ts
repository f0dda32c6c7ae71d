import { endOfContent, isBlankLine, lineFeed, maxRowBytes } from './lines.ts'
import { QuoteTracker } from './quoting.ts'

const quote = 0x22

/** How many cells a line has that may be a row by itself. */
export type RowWidth = {
  /** Cells up to the last required column: with fewer no row is valid. */
  readonly minCells: number
  /** Cells of the header, trailing empty ones included. */
  readonly maxCells: number
}

/** A place between two records, as a JSON value; bytes from 0, lines and records from 1. */
export type ScanPosition = {
  readonly byte: number
  readonly line: number
  readonly record: number
  /** Set inside a line that is over the limit: what is left of it belongs to no record. */
  readonly isInLongLine?: boolean
}

export type ScanOptions = {
  readonly width: RowWidth
  /** Where the first of the bytes is in the file. */
  readonly from: ScanPosition
  /** True when no bytes follow. */
  readonly isLast: boolean
  /** `maxRowBytes` where not given. */
  readonly maxRowBytes?: number
}

/** `plain` has no quotes, `quoted` well-formed ones, `broken` others; `long` is over the limit. */
export type RecordKind = 'plain' | 'quoted' | 'broken' | 'long'

/**
 * Finds the records of a CSV file in some of its bytes; blank lines are passed over.
 *
 * A line that can be read by itself as a possibly valid row is always a record of its own. So a
 * quote that never closes costs its own line and those after it up to the next such line, the
 * same wherever the bytes begin and end. A quote that is malformed on its first line costs that
 * line; of a line over the limit the first bytes are a record and the rest none.
 */
export class RecordScanner {
  readonly #bytes: Buffer
  readonly #options: ScanOptions
  readonly #maxBytes: number
  #at = 0
  #line: number
  #record: number
  #isInLongLine: boolean
  #nextQuote = -1

  /** The record found last: bytes `[start, end)` of those given, line break included. */
  start = 0
  end = 0
  firstLine = 0
  lastLine = 0
  kind: RecordKind = 'plain'

  constructor(bytes: Uint8Array, options: ScanOptions) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#options = options
    this.#maxBytes = options.maxRowBytes ?? maxRowBytes
    this.#line = options.from.line
    this.#record = options.from.record
    this.#isInLongLine = options.from.isInLongLine ?? false
  }

  /** Where the next record is looked for. */
  get position(): ScanPosition {
    return {
      byte: this.#options.from.byte + this.#at,
      line: this.#line,
      record: this.#record,
      ...(this.#isInLongLine && { isInLongLine: true }),
    }
  }

  /** Number of the record found last. */
  get record(): number {
    return this.#record - 1
  }

  /** Goes on to the next record; false when these bytes hold no further one that is complete. */
  next(): boolean {
    if (this.#isInLongLine && !this.#leaveLongLine()) return false
    while (this.#at < this.#bytes.length) {
      const lineEnd = this.#findLineEnd(this.#at)
      if (lineEnd - this.#at > this.#maxBytes) return this.#takeLongLine()
      if (!this.#isComplete(lineEnd)) return false
      if (!isBlankLine(this.#bytes, this.#at, lineEnd)) return this.#takeRecord(lineEnd)
      this.#advance(lineEnd, 1)
    }
    return false
  }

  #takeRecord(lineEnd: number): boolean {
    if (this.#findQuote(this.#at) >= lineEnd) return this.#take('plain', lineEnd, 1)
    const tracker = this.#track(this.#at, lineEnd)
    if (tracker.isMalformed) return this.#take('broken', lineEnd, 1)
    if (!tracker.isOpen) return this.#take('quoted', lineEnd, 1)
    return this.#takeOpenRecord(tracker, lineEnd)
  }

  // From the first line of a record that goes on: to its end, or to the next line that is a row.
  #takeOpenRecord(tracker: QuoteTracker, firstLineEnd: number): boolean {
    let brokenEnd = firstLineEnd
    let brokenLines = 1
    let lines = 1
    let previousEnd = firstLineEnd
    for (;;) {
      const start = previousEnd + 1
      const lineEnd = this.#findLineEnd(start)
      if (lineEnd - this.#at > this.#maxBytes) break
      if (!this.#isComplete(lineEnd)) return false
      if (start >= this.#bytes.length || this.#isRow(start, lineEnd)) break
      lines += 1
      if (tracker.isOpen) {
        this.#readLine(tracker, start, lineEnd)
        if (this.#isWhole(tracker)) return this.#take('quoted', lineEnd, lines)
      }
      if (!isBlankLine(this.#bytes, start, lineEnd)) {
        brokenEnd = lineEnd
        brokenLines = lines
      }
      previousEnd = lineEnd
    }
    return this.#take('broken', brokenEnd, brokenLines)
  }

  #isWhole(tracker: QuoteTracker): boolean {
    const { isOpen, isMalformed, cells } = tracker
    return !isOpen && !isMalformed && cells <= this.#options.width.maxCells
  }

  #isRow(start: number, lineEnd: number): boolean {
    const { minCells, maxCells } = this.#options.width
    if (isBlankLine(this.#bytes, start, lineEnd)) return false
    const { isOpen, isMalformed, cells } = this.#track(start, lineEnd)
    return !isOpen && !isMalformed && cells >= minCells && cells <= maxCells
  }

  #track(start: number, lineEnd: number): QuoteTracker {
    const tracker = new QuoteTracker()
    this.#readLine(tracker, start, lineEnd)
    return tracker
  }

  #readLine(tracker: QuoteTracker, start: number, lineEnd: number): void {
    tracker.readLine(this.#bytes, start, endOfContent(this.#bytes, start, lineEnd))
  }

  #take(kind: RecordKind, lineEnd: number, lines: number): boolean {
    this.kind = kind
    this.start = this.#at
    this.firstLine = this.#line
    this.lastLine = this.#line + lines - 1
    this.#record += 1
    this.#advance(lineEnd, lines)
    this.end = this.#at
    return true
  }

  #takeLongLine(): boolean {
    this.#take('long', this.#at + this.#maxBytes, 0)
    this.lastLine = this.firstLine
    this.#isInLongLine = true
    return true
  }

  #leaveLongLine(): boolean {
    const lineEnd = this.#findLineEnd(this.#at)
    this.#isInLongLine = lineEnd === this.#bytes.length && !this.#options.isLast
    this.#advance(lineEnd, this.#isInLongLine ? 0 : 1)
    return !this.#isInLongLine
  }

  #advance(lineEnd: number, lines: number): void {
    this.#at = Math.min(lineEnd + 1, this.#bytes.length)
    this.#line += lines
  }

  #isComplete(lineEnd: number): boolean {
    return lineEnd < this.#bytes.length || this.#options.isLast
  }

  #findLineEnd(from: number): number {
    const lineEnd = this.#bytes.indexOf(lineFeed, from)
    return lineEnd === -1 ? this.#bytes.length : lineEnd
  }

  #findQuote(from: number): number {
    if (this.#nextQuote < from) {
      const found = this.#bytes.indexOf(quote, from)
      this.#nextQuote = found === -1 ? this.#bytes.length : found
    }
    return this.#nextQuote
  }
}
