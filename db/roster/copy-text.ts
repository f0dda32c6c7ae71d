import { isCalendarDate } from '../../core/calendar-date.ts'
import type { MappedPerson } from '../../core/roster/person.ts'
import type {
  RosterCollection,
  RosterEnrollment,
  RosterEntry,
  RosterUser,
} from '../../core/roster/record.ts'
import { COPY_NULL, encodeText } from '../copy-text.ts'

/** The lines of a page, by staging table. */
export type StagedLines = {
  readonly records: string[]
  readonly users: string[]
  readonly enrollments: string[]
  /** Records of which nothing can be kept: they hold characters that no database takes. */
  readonly unreadable: { readonly entity: RosterCollection; readonly id: string }[]
}

// NUL, and halves of surrogate pairs, as JSON writes them.
const UNREADABLE = /\\u(?:0000|d[89a-f][0-9a-f]{2})/

/** The lines of a page's entries as COPY text; `sequence` counts them over all pages of a run. */
export function encodeEntries(
  entries: readonly RosterEntry[],
  options: {
    readonly sequence: number
    readonly map: (user: RosterUser) => MappedPerson
  },
): StagedLines {
  const lines: StagedLines = { records: [], users: [], enrollments: [], unreadable: [] }
  let { sequence } = options
  for (const entry of entries) {
    sequence += 1
    encodeEntry(lines, entry, { ...options, sequence })
  }
  return lines
}

function encodeEntry(
  lines: StagedLines,
  entry: RosterEntry,
  { sequence, map }: Parameters<typeof encodeEntries>[1],
): void {
  if (entry.op === 'clear-enrollments') {
    const section = encodeText(entry.sectionId)
    const rest = `${COPY_NULL}\t`.repeat(3)
    lines.enrollments.push(`${sequence}\t${COPY_NULL}\t${COPY_NULL}\t${section}\t${rest}f\n`)
  } else if (entry.op === 'remove') {
    encodeRemoval(lines, entry, sequence)
  } else if (entry.collection === 'enrollments') {
    lines.enrollments.push(encodeEnrollment(entry.record, sequence))
  } else {
    const json = JSON.stringify(entry.record)
    const { id } = entry.record
    if (UNREADABLE.test(json)) lines.unreadable.push({ entity: entry.collection, id })
    else if (entry.collection === 'users') {
      lines.users.push(encodeUser(entry.record, { json, sequence, mapped: map(entry.record) }))
    } else {
      const key = `${sequence}\t${entry.collection}\t${encodeText(id)}`
      lines.records.push(`${key}\tf\t${encodeText(json)}\n`)
    }
  }
}

function encodeRemoval(
  lines: StagedLines,
  { collection, id }: RosterEntry & { readonly op: 'remove' },
  sequence: number,
): void {
  const key = encodeText(id)
  if (collection === 'users') {
    lines.users.push(`${sequence}\t${key}\tt${`\t${COPY_NULL}`.repeat(3)}\tf\n`)
  } else if (collection === 'enrollments') {
    lines.enrollments.push(`${sequence}\t${key}${`\t${COPY_NULL}`.repeat(5)}\tt\n`)
  } else {
    lines.records.push(`${sequence}\t${collection}\t${key}\tt\t${COPY_NULL}\n`)
  }
}

function encodeUser(
  { id }: RosterUser,
  row: { readonly json: string; readonly sequence: number; readonly mapped: MappedPerson },
): string {
  const { userName, isWanted, person } = row.mapped
  return (
    `${row.sequence}\t${encodeText(id)}\tf\t${encodeText(row.json)}\t` +
    `${encodeText(JSON.stringify(person))}\t${encodeText(userName)}\t${isWanted ? 't' : 'f'}\n`
  )
}

function encodeEnrollment(record: RosterEnrollment, sequence: number): string {
  const { id, userId, sectionId, role, beginDate, endDate } = record
  return (
    `${sequence}\t${encodeText(id)}\t${encodeText(userId)}\t${encodeText(sectionId)}\t` +
    `${encodeText(role)}\t${encodeDate(beginDate)}\t${encodeDate(endDate)}\tf\n`
  )
}

function encodeDate(date: string | undefined): string {
  return date !== undefined && isCalendarDate(date) ? date : COPY_NULL
}
