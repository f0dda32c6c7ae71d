const special = /[",\r\n]|^\s|\s$/
const formulaStart = /^[=+\-@\t\r]/

/** A line of CSV whose cells are exactly these; a program reads it, not a spreadsheet. CRLF unless said. */
export function writeLine(cells: readonly string[], lineBreak = '\r\n'): string {
  return `${cells.map(quoteCell).join(',')}${lineBreak}`
}

/**
 * A line of CSV with CRLF for people's spreadsheets: a cell that would be taken for a formula
 * (`=`, `+`, `-`, `@`, TAB or CR first) has a `'` before it.
 */
export function writeSafeLine(cells: readonly string[]): string {
  return writeLine(cells.map((cell) => (formulaStart.test(cell) ? `'${cell}` : cell)))
}

function quoteCell(cell: string): string {
  return special.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
