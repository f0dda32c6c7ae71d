import { isCalendarDate } from '../calendar-date.ts'
import { trimWhiteSpace } from '../white-space.ts'
import type { RosterCollection, RosterDate, RosterEntry, RosterFault } from './record.ts'

// OneRoster's have 255 at most, Clever's are of 24.
const MAX_ID_LENGTH = 300
// PostgreSQL keeps neither NUL nor half a surrogate pair.
const unstorable = /[\0\p{Surrogate}]/u
const allUnstorable = new RegExp(unstorable.source, 'gu')

/** An object as a source sends it. */
export type Fields = Readonly<Record<string, unknown>>

/** What one row of a source comes to: entries, or the fault for which it is quarantined. */
export type RowReading =
  { readonly entries: readonly RosterEntry[] } | { readonly fault: RosterFault }

/** True for a JSON object, which an array is not. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object of this name; an empty one where there is none. */
export function fieldsOf(fields: Fields, name: string): Fields {
  const value = valueOf(fields, name)
  return isFields(value) ? value : {}
}

/** The text of this name without white space at its ends, numbers as text; undefined for blank. */
export function textOf(fields: Fields, name: string): string | undefined {
  return toText(valueOf(fields, name))
}

/** An id of this name exactly as the source writes it; undefined for one that can't be kept so. */
export function idOf(fields: Fields, name: string): string | undefined {
  const value = valueOf(fields, name)
  const text = typeof value === 'number' ? String(value) : value
  return isId(text) ? text : undefined
}

/** True for text that is not blank, and no longer or stranger than a database can look up. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_ID_LENGTH) return false
  return trimWhiteSpace(value) !== '' && !unstorable.test(value)
}

/** The texts of a list of this name, each once, in its order. */
export function textsOf(fields: Fields, name: string): string[] {
  return [...new Set(listOf(fields, name).flatMap((value) => toText(value) ?? []))]
}

/** The list of this name; an empty one where there is none. */
export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = valueOf(fields, name)
  return Array.isArray(value) ? value : []
}

/** The day of a date or a time of this name; undefined where there is none, or it is no day. */
export function dayOf(fields: Fields, name: string): RosterDate | undefined {
  const text = textOf(fields, name) ?? ''
  const day = text.slice(0, 10)
  return isCalendarDate(day) && (text.length === 10 || text[10] === 'T') ? day : undefined
}

/** True where one of these names has a value that is no day. */
export function hasNoDay(fields: Fields, names: readonly string[]): boolean {
  return names.some(
    (name) => textOf(fields, name) !== undefined && dayOf(fields, name) === undefined,
  )
}

/** The members that have a value. */
export function dropUnset<T extends object>(members: T): Compacted<T> {
  const set: Record<string, unknown> = {}
  // A plain loop: it runs for each of a million rows.
  for (const name in members) {
    if (members[name] !== undefined) set[name] = members[name]
  }
  return set as Compacted<T> // only what is undefined is gone
}

/** The reading of a row from which nothing can be taken. */
export function toFault(
  entity: RosterCollection,
  id: string | undefined,
  fault: { readonly code: string; readonly message: string },
): RowReading {
  return { fault: { entity, id: id ?? '', ...fault } }
}

type Compacted<T> = {
  [name in keyof T as undefined extends T[name] ? never : name]: T[name]
} & { [name in keyof T as undefined extends T[name] ? name : never]?: Exclude<T[name], undefined> }

function valueOf(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function toText(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return undefined
  const trimmed = trimWhiteSpace(text)
  if (trimmed === '') return undefined
  return unstorable.test(trimmed) ? trimmed.replace(allUnstorable, '\uFFFD') : trimmed
}
