/** The cells of a record without quotes or with well-formed ones (RFC 4180). */
export function splitCells(text: string): string[] {
  if (!text.includes('"')) return text.split(',')
  const cells: string[] = []
  let at = 0
  while (at <= text.length) {
    const end = text[at] === '"' ? endOfQuoted(text, at) : endOfUnquoted(text, at)
    cells.push(text[at] === '"' ? unquote(text.slice(at, end)) : text.slice(at, end))
    at = end + 1
  }
  return cells
}

function endOfUnquoted(text: string, at: number): number {
  const end = text.indexOf(',', at)
  return end === -1 ? text.length : end
}

// Behind the quote that no other quote follows.
function endOfQuoted(text: string, at: number): number {
  let closing = text.indexOf('"', at + 1)
  while (text[closing + 1] === '"') closing = text.indexOf('"', closing + 2)
  return closing + 1
}

function unquote(cell: string): string {
  return cell.slice(1, -1).replaceAll('""', '"')
}
