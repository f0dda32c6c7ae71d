/** Why a row cannot be read: a sentence without any cell's value, and a code that never changes. */
export type RowFault = { readonly message: string; readonly code: string }

/** The row's quotes contradict RFC 4180. */
export const malformedQuote: RowFault = {
  message: 'Malformed quotes. Enclose the whole cell in quotes and double each quote inside it.',
  code: 'malformed_quote',
}

/** The row is over the limit of bytes. */
export function rowTooLong(maxBytes: number): RowFault {
  return { message: `Row is longer than ${maxBytes} bytes.`, code: 'row_too_long' }
}

/** Counts of cells; empty cells beyond the columns count too. */
export function tooManyCells(cells: number, columns: number): RowFault {
  return {
    message: `Row has ${cells} cells, the header has ${columns} columns.`,
    code: 'too_many_cells',
  }
}

/** Physical line and byte in it, both from 1. */
export function invalidUtf8(line: number, byte: number): RowFault {
  return { message: `Not valid UTF-8 at line ${line}, byte ${byte}.`, code: 'invalid_utf8' }
}

/** Physical line and byte in it, both from 1. */
export function nulByte(line: number, byte: number): RowFault {
  return { message: `NUL at line ${line}, byte ${byte}.`, code: 'nul_byte' }
}
