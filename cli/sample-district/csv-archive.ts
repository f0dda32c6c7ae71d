import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { writeLine } from '../../core/csv/write.ts'
import { csvFileOf } from '../../core/roster/oneroster-csv.ts'
import { oneRosterNames } from '../../core/roster/oneroster.ts'
import {
  rosterCollections,
  type RosterCollection,
  type RosterRecord,
} from '../../core/roster/record.ts'
import { listRecords, type District } from '../../core/sample/district.ts'
import { toDistrictView } from './oneroster-views.ts'

type Cells = Readonly<Record<string, string | readonly string[] | undefined>>

export type DistrictArchiveOptions = {
  /** Only what was modified after this time, tombstones among it; everything that is there unless said. */
  readonly since?: string
}

const BATCH = 500
const COLUMNS: Readonly<Record<RosterCollection, readonly string[]>> = {
  schools: ['name', 'type', 'identifier', 'parentSourcedId'],
  terms: ['title', 'type', 'startDate', 'endDate', 'parentSourcedId', 'schoolYear'],
  courses: ['schoolYearSourcedId', 'title', 'courseCode', 'grades', 'orgSourcedId'],
  sections: [
    'title',
    'grades',
    'courseSourcedId',
    'classCode',
    'classType',
    'schoolSourcedId',
    'termSourcedIds',
    'subjects',
    'periods',
  ],
  users: [
    'enabledUser',
    'orgSourcedIds',
    'role',
    'username',
    'userIds',
    'givenName',
    'familyName',
    'middleName',
    'identifier',
    'email',
    'sms',
    'phone',
    'agentSourcedIds',
    'grades',
    'password',
  ],
  enrollments: [
    'classSourcedId',
    'schoolSourcedId',
    'userSourcedId',
    'role',
    'primary',
    'beginDate',
    'endDate',
  ],
}

/** Writes a district as a OneRoster 1.1 CSV archive, bulk or delta, without keeping it in memory. */
export async function writeDistrictArchive(
  district: District,
  target: Writable,
  { since }: DistrictArchiveOptions = {},
): Promise<void> {
  const zip = new ZipFile()
  const manifest = Buffer.from([...listManifest(since === undefined ? 'bulk' : 'delta')].join(''))
  zip.addBuffer(manifest, 'manifest.csv')
  for (const collection of rosterCollections) {
    const lines = Readable.from(batch(listLines(district, collection, since)))
    zip.addReadStream(lines, csvFileOf(collection))
  }
  zip.end()
  await pipeline(zip.outputStream, target)
}

function* listManifest(state: 'bulk' | 'delta'): Generator<string> {
  yield writeLine(['propertyName', 'value'])
  yield writeLine(['manifest.version', '1.0'])
  yield writeLine(['oneroster.version', '1.1'])
  for (const name of Object.values(oneRosterNames)) yield writeLine([`file.${name}`, state])
  for (const name of ['demographics', 'resources', 'results']) {
    yield writeLine([`file.${name}`, 'absent'])
  }
}

function* listLines(
  district: District,
  collection: RosterCollection,
  since: string | undefined,
): Generator<string> {
  const columns = ['sourcedId', 'status', 'dateLastModified', ...COLUMNS[collection]]
  const toLine = (cells: Cells): string => writeLine(columns.map((name) => toCell(cells[name])))
  yield writeLine(columns)
  if (collection === 'schools' && since === undefined) yield toLine(toCells(toDistrictView('')))
  for (const entry of listRecords(district, collection)) {
    if (since === undefined ? entry.isGone : entry.at <= since) continue
    const status = entry.isGone ? 'tobedeleted' : 'active'
    // In bulk both are blank.
    const state = since === undefined ? {} : { status, dateLastModified: entry.at }
    yield toLine({ sourcedId: entry.record.id, ...state, ...toMembers(entry) })
  }
}

function toCells(view: Readonly<Record<string, unknown>>): Cells {
  const texts = Object.entries(view).map(([name, value]) => [name, String(value)])
  return { ...Object.fromEntries(texts), status: '' }
}

function toMembers(entry: RosterRecord): Cells {
  switch (entry.collection) {
    case 'schools':
      return { name: entry.record.name, type: 'school', identifier: entry.record.number }
    case 'terms': {
      const { name, beginDate, endDate } = entry.record
      const schoolYear = name.slice(-4)
      return { title: name, type: 'semester', startDate: beginDate, endDate, schoolYear }
    }
    case 'courses':
      return { title: entry.record.name, courseCode: entry.record.number }
    case 'sections': {
      const { name, schoolId, courseId, termIds, grades, subject, period } = entry.record
      return {
        title: name,
        classType: 'scheduled',
        courseSourcedId: courseId,
        schoolSourcedId: schoolId,
        termSourcedIds: termIds,
        grades,
        subjects: subject,
        periods: period,
      }
    }
    case 'users': {
      const { roles, schoolIds, isEnabled, districtUsername, sisId, ...user } = entry.record
      return {
        ...user,
        enabledUser: String(isEnabled),
        orgSourcedIds: schoolIds,
        // Only one can be said: that of a teacher, for one who has others too.
        role: roles.find((role) => role === 'teacher') ?? roles[0],
        username: districtUsername,
        identifier: sisId,
        sms: '+1 202-555-0142',
        phone: '+1 202-555-0199',
        agentSourcedIds: 'canary-guardian',
        password: 'canary-password',
      }
    }
    case 'enrollments': {
      const { sectionId, userId, role, beginDate, endDate } = entry.record
      return { classSourcedId: sectionId, userSourcedId: userId, role, beginDate, endDate }
    }
    default:
      return entry satisfies never
  }
}

function toCell(value: Cells[string]): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : value.join(',')
}

function* batch(lines: Iterable<string>): Generator<string> {
  let held: string[] = []
  for (const line of lines) {
    if (held.push(line) < BATCH) continue
    yield held.join('')
    held = []
  }
  if (held.length > 0) yield held.join('')
}
