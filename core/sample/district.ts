import type { RosterCollection, RosterRecord } from '../roster/record.ts'
import { createCourses, createTerms } from './district-catalogue.ts'
import {
  countSchools,
  createSchool,
  createSchoolEnrollments,
  createSchoolSections,
  createSchoolUsers,
} from './district-school.ts'

/** Whose manner of ids, roles and grades its records have. */
export type DistrictKind = 'clever' | 'oneroster'

export type DistrictOptions = {
  readonly kind: DistrictKind
  /** People in all: students, teachers, staff, administrators and contacts. */
  readonly users: number
  /** Equal seeds give equal districts. */
  readonly seed: number
  /** When everything that has not changed since was last modified, RFC 3339. */
  readonly startsAt: string
}

/** What became of one record; the record as it was where it is deleted. */
export type DistrictChange = RosterRecord & {
  readonly type: 'created' | 'updated' | 'deleted'
  /** Which school's records it is among; undefined for terms and courses. */
  readonly school: number | undefined
  readonly at: string
}

/** A made-up school district: what its seed gives, and what has changed since. */
export type District = DistrictOptions & {
  /** The first school year, as the year in which it ends. */
  readonly year: number
  readonly changes: readonly DistrictChange[]
}

/** A record as it stands: `isGone` for one that was deleted, which leaves a tombstone. */
export type DistrictRecord = RosterRecord & { readonly at: string; readonly isGone: boolean }

/** Made-up people in schools with terms, courses, sections and enrollments; nothing is kept of them. */
export function createDistrict(options: DistrictOptions): District {
  return { ...options, year: Number(options.startsAt.slice(0, 4)) + 1, changes: [] }
}

/** The same district after these changes. */
export function applyChanges(district: District, changes: readonly DistrictChange[]): District {
  return { ...district, changes: [...district.changes, ...changes] }
}

/** All records of a collection, tombstones among them, one school after the other as they are asked for. */
export function* listRecords(
  district: District,
  collection: RosterCollection,
): Generator<DistrictRecord> {
  const changes = groupChanges(district.changes, collection)
  if (collection === 'terms' || collection === 'courses') {
    const base =
      collection === 'terms' ? createTerms(district, district.year) : createCourses(district)
    yield* overlay(district, base, changes.get(undefined) ?? [])
    return
  }
  for (let school = 0; school < countSchools(district); school += 1) {
    const base = createRecords(district, collection, school)
    yield* overlay(district, base, changes.get(school) ?? [])
  }
}

/** The records of a school's own that are there. */
export function listSchoolRecords<C extends SchoolCollection>(
  district: District,
  collection: C,
  school: number,
): RecordOf<C>[] {
  const changes = groupChanges(district.changes, collection).get(school) ?? []
  const base = createRecords(district, collection, school)
  const records: RecordOf<C>[] = []
  for (const { record, isGone } of overlay(district, base, changes)) {
    if (!isGone) records.push(record as RecordOf<C>) // of the collection that was asked for
  }
  return records
}

export type SchoolCollection = Exclude<RosterCollection, 'terms' | 'courses'>
export type RecordOf<C extends RosterCollection> = Extract<
  RosterRecord,
  { readonly collection: C }
>['record']

function createRecords(
  district: District,
  collection: SchoolCollection,
  school: number,
): RosterRecord[] {
  switch (collection) {
    case 'schools':
      return [{ collection, record: createSchool(district, school) }]
    case 'sections':
      return createSchoolSections(district, school).map((record) => ({ collection, record }))
    case 'users':
      return createSchoolUsers(district, school).map((record) => ({ collection, record }))
    case 'enrollments':
      return createSchoolEnrollments(district, school).map((record) => ({ collection, record }))
    default:
      return collection satisfies never
  }
}

function groupChanges(
  changes: readonly DistrictChange[],
  collection: RosterCollection,
): Map<number | undefined, DistrictChange[]> {
  const groups = new Map<number | undefined, DistrictChange[]>()
  for (const change of changes) {
    if (change.collection !== collection) continue
    const group = groups.get(change.school)
    if (group) group.push(change)
    else groups.set(change.school, [change])
  }
  return groups
}

function* overlay(
  district: District,
  base: readonly RosterRecord[],
  changes: readonly DistrictChange[],
): Generator<DistrictRecord> {
  const latest = new Map(changes.map((change) => [change.record.id, change]))
  for (const entry of base) {
    const change = latest.get(entry.record.id)
    latest.delete(entry.record.id)
    yield change ? toRecord(change) : toUnchanged(entry, district.startsAt)
  }
  for (const change of latest.values()) yield toRecord(change)
}

// Member by member: it runs for each of a million records.
function toUnchanged({ collection, record }: RosterRecord, at: string): DistrictRecord {
  return { collection, record, at, isGone: false } as DistrictRecord // the two belong together
}

function toRecord(change: DistrictChange): DistrictRecord {
  return { ...change, isGone: change.type === 'deleted' }
}
