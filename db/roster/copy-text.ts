import { hash } from 'node:crypto'
import { isCalendarDate } from '../../core/calendar-date.ts'
import type { MappedPerson } from '../../core/roster/person.ts'
import type {
  RosterCollection,
  RosterEnrollment,
  RosterEntry,
  RosterUser,
} from '../../core/roster/record.ts'
import { COPY_NULL, encodeText } from '../copy-text.ts'

/** An entry of a page as a line of COPY text, for the staging table of its collection. */
export type StagedRow = {
  readonly collection: RosterCollection
  /** Of the record. */
  readonly id: string
  /** What the record holds, in short; undefined for what is no record. */
  readonly digest: string | undefined
  readonly line: string
}

export type EncodedEntries = {
  readonly rows: StagedRow[]
  /** Records of which nothing can be kept: they hold characters that no database takes. */
  readonly unreadable: { readonly entity: RosterCollection; readonly id: string }[]
}

// NUL, and halves of surrogate pairs, as JSON writes them.
const UNREADABLE = /\\u(?:0000|d[89a-f][0-9a-f]{2})/
// 128 bits of SHA-256, as many as a uuid has.
const DIGEST_LENGTH = 32

/** The lines of a page's entries; `sequence` counts them over all pages of a run. */
export function encodeEntries(
  entries: readonly RosterEntry[],
  options: {
    readonly sequence: number
    readonly map: (user: RosterUser) => MappedPerson
  },
): EncodedEntries {
  const encoded: EncodedEntries = { rows: [], unreadable: [] }
  let { sequence } = options
  for (const entry of entries) {
    sequence += 1
    if (entry.op === 'put') encodePut(encoded, entry, { ...options, sequence })
    else encoded.rows.push(encodeRemoval(entry, sequence))
  }
  return encoded
}

function encodePut(
  { rows, unreadable }: EncodedEntries,
  entry: RosterEntry & { readonly op: 'put' },
  { sequence, map }: Parameters<typeof encodeEntries>[1],
): void {
  const { collection, record } = entry
  const { id } = record
  let columns: string
  if (entry.collection === 'enrollments') columns = encodeEnrollment(entry.record)
  else {
    const json = JSON.stringify(record)
    if (UNREADABLE.test(json)) {
      unreadable.push({ entity: collection, id })
      return
    }
    columns =
      entry.collection === 'users'
        ? encodeUser(entry.record, { json, mapped: map(entry.record) })
        : `${collection}\t${encodeText(id)}\tf\t${encodeText(json)}`
  }
  const digest = hash('sha256', columns).slice(0, DIGEST_LENGTH)
  rows.push({ collection, id, digest, line: `${sequence}\t${digest}\t${columns}\n` })
}

function encodeRemoval(
  entry: Exclude<RosterEntry, { readonly op: 'put' }>,
  sequence: number,
): StagedRow {
  const { collection, id, columns } = describeRemoval(entry)
  const line = `${sequence}\t${COPY_NULL}\t${columns}\n`
  return { collection, id, digest: undefined, line }
}

function describeRemoval(
  entry: Exclude<RosterEntry, { readonly op: 'put' }>,
): Pick<StagedRow, 'collection' | 'id'> & { readonly columns: string } {
  if (entry.op === 'clear-enrollments') {
    const { sectionId: id } = entry
    const columns = `${nulls(2)}\t${encodeText(id)}\t${nulls(3)}\tf`
    return { collection: 'enrollments', id, columns }
  }
  const { collection, id } = entry
  const key = encodeText(id)
  if (collection === 'users') return { collection, id, columns: `${key}\tt\t${nulls(3)}\tf` }
  if (collection === 'enrollments') return { collection, id, columns: `${key}\t${nulls(5)}\tt` }
  return { collection, id, columns: `${collection}\t${key}\tt\t${COPY_NULL}` }
}

function nulls(count: number): string {
  return Array.from({ length: count }, () => COPY_NULL).join('\t')
}

function encodeUser(
  { id }: RosterUser,
  row: { readonly json: string; readonly mapped: MappedPerson },
): string {
  const { userName, isWanted, person } = row.mapped
  return (
    `${encodeText(id)}\tf\t${encodeText(row.json)}\t` +
    `${encodeText(JSON.stringify(person))}\t${encodeText(userName)}\t${isWanted ? 't' : 'f'}`
  )
}

function encodeEnrollment(record: RosterEnrollment): string {
  const { id, userId, sectionId, role, beginDate, endDate } = record
  return (
    `${encodeText(id)}\t${encodeText(userId)}\t${encodeText(sectionId)}\t` +
    `${encodeText(role)}\t${encodeDate(beginDate)}\t${encodeDate(endDate)}\tf`
  )
}

function encodeDate(date: string | undefined): string {
  return date !== undefined && isCalendarDate(date) ? date : COPY_NULL
}
