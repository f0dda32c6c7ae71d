import { findTimeZoneOfCity } from '../time-zone.ts'
import type { SourceContents, SourceRow } from './source.ts'

/** One entry of a Workday-style report: text by name, of which any may be missing. */
export type HrisEntry = Readonly<Record<string, unknown>>

/** What an HRIS report says of one employee; matched by work e-mail, in lower case. */
export function readHrisEntry(entry: HrisEntry): SourceRow {
  const key = textOf(entry, 'PrimaryWorkEmail')?.toLowerCase()
  if (key === undefined) return { fault: 'no_work_email' }
  // Not yet active: hired, and not begun.
  if (textOf(entry, 'CurrentlyActive') === '0') return { key, isPassedOver: true }
  return { key, contents: createContents(entry, key) }
}

function createContents(entry: HrisEntry, email: string): SourceContents {
  const workerType = textOf(entry, 'WorkerType')
  const offset = textOf(entry, 'Time_Zone')
  const contents = {
    active: true,
    timezone: offset === undefined ? undefined : readTimeZone(offset),
    'staff_information.staff': true,
    'staff_information.title': textOf(entry, 'businessTitle'),
    'staff_information.team': textOf(entry, 'Team'),
    'staff_information.cost_center': readCostCenter(textOf(entry, 'Cost_Center')),
    'staff_information.worker_type': workerType,
    'staff_information.office_location': textOf(entry, 'LocationDescription'),
    'staff_information.wpr_desk_number': textOf(entry, 'WPRDeskNumber'),
    'staff_information.manager': readFlag(textOf(entry, 'IsManager')),
    'staff_information.director': readFlag(textOf(entry, 'isDirectorOrAbove')),
    'access_information.hris': dropUnset({
      employee_id: textOf(entry, 'EmployeeID'),
      worker_type: workerType,
      primary_work_email: email,
      managers_primary_work_email: textOf(entry, 'Worker_s_Manager_s_Email_Address'),
      egencia_pos_country: textOf(entry, 'EgenciaPOSCountry'),
    }),
  }
  return dropUnset(contents)
}

function textOf(entry: HrisEntry, name: string): string | undefined {
  const value = Object.hasOwn(entry, name) ? entry[name] : undefined
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined
}

function readFlag(text: string | undefined): boolean | undefined {
  if (text === 'TRUE') return true
  return text === 'FALSE' ? false : undefined
}

/** `"1337 - Name"` → `"1337.0"`, as the profiles have always had it. */
function readCostCenter(text: string | undefined): string | undefined {
  const [digits] = /^\d+(?=\s|-|$)/.exec(text ?? '') ?? []
  return digits === undefined ? undefined : `${Number(digits)}.0`
}

/** `"GMT+01:00 Central European Time (Paris)"` → `"UTC+01:00 Europe/Paris"`. */
function readTimeZone(text: string): string | undefined {
  const [, offset = '+00:00', city = ''] =
    /^GMT\s?([+-]\d{2}:?\d{2})?\b.*\(([^()]+)\)\s*$/.exec(text) ?? []
  const zone = city === '' ? undefined : findTimeZoneOfCity(city)
  return zone && `UTC${offset} ${zone}`
}

function dropUnset<T>(entries: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const set = Object.entries(entries).filter(
    (entry): entry is [string, T] => entry[1] !== undefined,
  )
  return Object.fromEntries(set)
}
