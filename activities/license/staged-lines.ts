const SPARE_BYTES = 64 * 1024
// A staged line is so much longer than the row that it comes from, but for the rarest of files.
const GROWTH = 1.6
// UTF-8 takes at most so many bytes for a UTF-16 unit.
const MAX_UNIT_BYTES = 3

/** The two ways in which the lines of one SSN may end; both are ASCII. */
export type LineEnds = {
  readonly ofChanged: string
  /** Of a line whose content is stored already: it comes right behind the line's head. */
  readonly ofUnchanged: string
  /** Hashes of the contents that are stored, one after the other. */
  readonly contents: string
}

/** A line of which the end is not known yet. */
export type OpenLine = {
  readonly head: string
  readonly body: string
  readonly contentHash: string
  /** Position of the SSN. */
  readonly ssn: number
}

/**
 * A chunk's lines until it is known whose they are, outside of the heap: as strings they would be
 * copied about by the collector until the chunk is done.
 */
export class StagedLines {
  #bytes: Buffer
  #length = 0
  readonly #headEnds: number[] = []
  readonly #ends: number[] = []
  readonly #ssns: number[] = []
  readonly #hashes: string[] = []

  /** `sourceBytes`: of the rows that are to come; what is larger or smaller fits too. */
  constructor(sourceBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.ceil(sourceBytes * GROWTH) + SPARE_BYTES)
  }

  add({ head, body, contentHash, ssn }: OpenLine): void {
    const text = head + body
    this.#reserve(text.length * MAX_UNIT_BYTES)
    this.#headEnds.push(this.#length + Buffer.byteLength(head))
    this.#length += this.#bytes.write(text, this.#length)
    this.#ends.push(this.#length)
    this.#ssns.push(ssn)
    this.#hashes.push(contentHash)
  }

  /** All lines in order, each with the end that its SSN and its content call for. */
  join(ends: readonly LineEnds[]): Uint8Array<ArrayBuffer> {
    const chosen = this.#ssns.map((ssn, line) => this.#choose(ends[ssn], line))
    const size = chosen.reduce(
      (sum, { to, end }, line) => sum + to - this.#startOf(line) + end.length,
      0,
    )
    const out = Buffer.allocUnsafeSlow(size)
    let at = 0
    for (const [line, { to, end }] of chosen.entries()) {
      at += this.#bytes.copy(out, at, this.#startOf(line), to)
      at += out.write(end, at, 'latin1')
    }
    return out
  }

  #choose(ends: LineEnds | undefined, line: number): { readonly to: number; readonly end: string } {
    const { ofChanged = '', ofUnchanged = '', contents = '' } = ends ?? {}
    const isUnchanged = contents !== '' && contents.includes(this.#hashes[line] ?? '-')
    if (isUnchanged) return { to: this.#headEnds[line] ?? 0, end: ofUnchanged }
    return { to: this.#ends[line] ?? 0, end: ofChanged }
  }

  #startOf(line: number): number {
    return line === 0 ? 0 : (this.#ends[line - 1] ?? 0)
  }

  #reserve(bytes: number): void {
    const room = this.#length + bytes
    if (room <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(this.#bytes.length + room)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
