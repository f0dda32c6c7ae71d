import { isBlank } from '../white-space.ts'

/** The cells of a record by column; an empty or blank cell, or one that is not there, is absent. */
export function toRow(
  cells: readonly string[],
  columns: readonly string[],
): Record<string, string> {
  const row: Record<string, string> = {}
  for (let index = 0; index < columns.length; index += 1) {
    const name = columns[index]
    const cell = cells[index]
    if (name !== undefined && cell !== undefined && !isBlank(cell)) row[name] = cell
  }
  return row
}
