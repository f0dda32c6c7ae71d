import type { RosterRecord } from '../../core/roster/record.ts'
import {
  listSchoolRecords,
  type District,
  type DistrictChange,
} from '../../core/sample/district.ts'
import { toCleverView } from './clever-views.ts'

/** An event as Clever keeps it, for 30 days. */
export type CleverEvent = {
  readonly id: string
  readonly type: string
  readonly created: string
  readonly data: { readonly object: unknown; readonly previous_attributes: unknown }
}

type Noted = Omit<CleverEvent, 'id'>

/**
 * The events of changes that `district` has been through already. A section whose members changed
 * is updated, with all of them.
 */
export function listCleverEvents(district: District, changes: readonly DistrictChange[]): Noted[] {
  const told = changes.flatMap((change) => {
    if (change.collection === 'enrollments') return []
    return [toEvent(district, change)]
  })
  return [...told, ...listMemberEvents(district, changes)]
}

function toEvent(district: District, change: DistrictChange): Noted {
  const { type, school, at, ...entry } = change
  const members = type === 'deleted' ? [] : listMembers(district, entry, school)
  return note(`${entry.collection}.${type}`, at, toCleverView({ ...entry, at }, members))
}

// Sections that were made or ended have told theirs.
function listMemberEvents(district: District, changes: readonly DistrictChange[]): Noted[] {
  const told = new Set(
    changes.flatMap(({ collection, record }) => (collection === 'sections' ? [record.id] : [])),
  )
  const touched = new Map<string, { readonly school: number; readonly at: string }>()
  for (const { collection, record, school, at } of changes) {
    if (collection !== 'enrollments' || school === undefined || told.has(record.sectionId)) continue
    touched.set(record.sectionId, { school, at })
  }
  return [...touched].flatMap(([id, { school, at }]) => {
    const section = listSchoolRecords(district, 'sections', school).find((one) => one.id === id)
    if (!section) return []
    const entry = { collection: 'sections', record: section } as const
    return [
      note(
        'sections.updated',
        at,
        toCleverView({ ...entry, at }, listMembers(district, entry, school)),
      ),
    ]
  })
}

function listMembers(
  district: District,
  { collection, record }: RosterRecord,
  school: number | undefined,
): ReturnType<typeof listSchoolRecords<'enrollments'>> {
  if (collection !== 'sections' || school === undefined) return []
  const all = listSchoolRecords(district, 'enrollments', school)
  return all.filter(({ sectionId }) => sectionId === record.id)
}

function note(type: string, created: string, object: unknown): Noted {
  return { type, created, data: { object, previous_attributes: {} } }
}
