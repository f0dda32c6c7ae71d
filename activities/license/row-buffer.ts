const INITIAL_BYTES = 1024 * 1024
// UTF-8 takes at most so many bytes for a UTF-16 unit.
const MAX_UNIT_BYTES = 3

/**
 * Lines of which the end is not known yet, outside of the heap: a chunk's lines as strings would
 * be copied about by the collector until the chunk is done.
 */
export class RowBuffer {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #length = 0
  readonly #ends: number[] = []
  readonly #tags: number[] = []

  /** Adds the beginning of a line; `tag` says which end it gets. */
  add(text: string, tag: number): void {
    this.#reserve(text.length * MAX_UNIT_BYTES)
    this.#length += this.#bytes.write(text, this.#length)
    this.#ends.push(this.#length)
    this.#tags.push(tag)
  }

  /** All lines, each with the end of its tag; ends are ASCII. */
  join(ends: readonly string[]): Uint8Array<ArrayBuffer> {
    const out = Buffer.allocUnsafeSlow(this.#length + this.#countEndBytes(ends))
    let from = 0
    let at = 0
    for (let line = 0; line < this.#ends.length; line += 1) {
      const to = this.#ends[line] ?? 0
      at += this.#bytes.copy(out, at, from, to)
      at += out.write(ends[this.#tags[line] ?? 0] ?? '', at, 'latin1')
      from = to
    }
    return out
  }

  #countEndBytes(ends: readonly string[]): number {
    return this.#tags.reduce((sum, tag) => sum + (ends[tag]?.length ?? 0), 0)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + bytes)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
