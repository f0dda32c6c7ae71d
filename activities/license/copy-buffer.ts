const PART_CHARACTERS = 256 * 1024

/** Collects COPY text and hands it out as UTF-8 parts, each in memory of its own. */
export class CopyBuffer {
  readonly #encoder = new TextEncoder()
  readonly #parts: Uint8Array<ArrayBuffer>[] = []
  #text = ''

  add(line: string): void {
    this.#text += line
    if (this.#text.length >= PART_CHARACTERS) this.#flush()
  }

  /** All parts so far; nothing may be added any more. */
  finish(): Uint8Array<ArrayBuffer>[] {
    if (this.#text !== '') this.#flush()
    return this.#parts
  }

  #flush(): void {
    this.#parts.push(this.#encoder.encode(this.#text))
    this.#text = ''
  }
}
