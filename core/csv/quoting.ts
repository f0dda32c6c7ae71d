const comma = 0x2c
const quote = 0x22

type State = 'cell-start' | 'unquoted' | 'quoted' | 'closed' | 'malformed'

/** Follows the quotes of one record line by line and counts its cells (RFC 4180, strictly). */
export class QuoteTracker {
  #state: State = 'cell-start'
  /** Cells begun so far. */
  cells = 1

  /** True inside a quoted cell: the record goes on in the next line. */
  get isOpen(): boolean {
    return this.#state === 'quoted'
  }

  /** True once a quote stands in an unquoted cell, or text follows a closing quote. */
  get isMalformed(): boolean {
    return this.#state === 'malformed'
  }

  /** Reads the line `[start, end)`, without its line break. */
  readLine(bytes: Uint8Array, start: number, end: number): void {
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]
      if (byte === quote) this.#readQuote()
      else if (this.#state === 'quoted') continue
      else if (byte === comma) this.#readComma()
      else this.#state = this.#state === 'closed' ? 'malformed' : 'unquoted'
      if (this.#state === 'malformed') return
    }
  }

  #readComma(): void {
    this.#state = 'cell-start'
    this.cells += 1
  }

  #readQuote(): void {
    switch (this.#state) {
      case 'cell-start':
      // A doubled quote closes the cell and opens it again.
      case 'closed':
        this.#state = 'quoted'
        return
      case 'quoted':
        this.#state = 'closed'
        return
      case 'unquoted':
      case 'malformed':
        this.#state = 'malformed'
        return
      default:
        this.#state satisfies never
    }
  }
}
