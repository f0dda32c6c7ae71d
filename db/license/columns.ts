import { boardFields } from '../../core/license/stored-license.ts'

/** A board-owned column of `licenses`: its name and type in SQL, and the field it holds. */
export type BoardColumn = {
  readonly name: string
  readonly type: 'text' | 'date'
  readonly field: string
}

/** Every field that an upload replaces, in the order of the table; `licenseType` is part of the key. */
export const boardColumns: readonly BoardColumn[] = boardFields.map((field) => ({
  name: field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  type: field.startsWith('dateOf') ? 'date' : 'text',
  field,
}))

/** The names of what an upload writes into a license: board-owned columns, name keys, content hash. */
export const licenseColumns: readonly string[] = [
  ...boardColumns.map((column) => column.name),
  'family_name_key',
  'given_name_key',
  'content_hash',
]

/** `licenseColumns` as a SQL list, each name with this prefix (`s.`). */
export function listLicenseColumns(prefix = ''): string {
  return licenseColumns.map((name) => `${prefix}${name}`).join(', ')
}

/** SQL for a row's board-owned fields as a JSON object by field name, absent ones left out. */
export function toFieldsJson(alias: string): string {
  const pairs = boardColumns.map((column) => `'${column.field}', ${alias}.${column.name}`)
  return `jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')}))`
}
