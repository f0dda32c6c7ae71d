/** The most bytes of a row, its last line break not counted. */
export const maxRowBytes = 65_536

export const lineFeed = 0x0a
export const carriageReturn = 0x0d

/** The end of the line `[start, lineEnd)` without the carriage return of a CRLF. */
export function endOfContent(bytes: Uint8Array, start: number, lineEnd: number): number {
  return lineEnd > start && bytes[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd
}

/** True when the line `[start, end)` holds nothing but ASCII white space. */
export function isBlankLine(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    if (!isAsciiSpace(bytes[index] ?? 0)) return false
  }
  return true
}

function isAsciiSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
