import { AppError } from '../../core/errors.ts'
import {
  cleverRoles,
  findMainCleverRole,
  readCleverEvent,
  readCleverRow,
  unwrap,
  type CleverCollection,
  type CleverRole,
} from '../../core/roster/clever.ts'
import { idOf, textOf, type RowReading } from '../../core/roster/fields.ts'
import type {
  RosterPage,
  RosterPageRequest,
  RosterSource,
  RosterStream,
} from '../../core/roster/source.ts'
import { throwFailed } from '../roster/answer.ts'
import type { RosterCaller } from '../roster/caller.ts'
import { toPage } from '../roster/page.ts'
import {
  parseCleverBaseline,
  parseCleverCursor,
  type CleverBaseline,
  type CleverCursor,
} from './cursor.ts'
import { fetchCleverList, type CleverList, type CleverListing } from './list.ts'

export type CleverSourceOptions = {
  /** Such as `https://api.clever.com/v3.1`. */
  readonly baseUrl: string
  readonly caller: RosterCaller
  readonly nowMs: () => number
}

type Reading = CleverSourceOptions & RosterPageRequest & { readonly learned: Learned }

/** What the source has shown of itself: it does not take more than this at once, of whatever. */
type Learned = { most: number }

const EVENTS = 'events'
const MAX_LIMIT = 10_000
// A section brings its members, an event a whole section.
const LIMITS: Readonly<Record<string, number>> = { sections: 1_000, [EVENTS]: 1_000 }
const EVENTS_KEPT_MS = 30 * 86_400_000
const FULL_STREAMS = [
  'schools',
  'terms',
  'courses',
  'sections',
  ...cleverRoles.map((role) => `users:${role}` as const),
] as const
type FullStream = (typeof FULL_STREAMS)[number]

/**
 * Clever's Data API v3.1 or v3.0 as a source: in full by collection, people by role, each of them
 * once; incrementally by events. Enrollments come with their sections.
 */
export function createCleverSource(options: CleverSourceOptions): RosterSource {
  const learned: Learned = { most: MAX_LIMIT }
  return {
    listStreams: (mode) => (mode === 'full' ? FULL_STREAMS : [EVENTS]),
    readBaseline: async (signal) => await readBaseline(options, signal),
    async readPage(request) {
      const reading = { ...options, ...request, learned }
      return request.mode === 'full' ? await readRows(reading) : await readEvents(reading)
    },
    async check(signal) {
      await fetchCleverList(listingOf({ ...options, signal }, '/districts'), { limit: 1 })
    },
    close: () => {},
  }
}

// Plain `limit=1` is the oldest event, this is the newest.
async function readBaseline(
  options: CleverSourceOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const listing = listingOf({ ...options, signal }, `/${EVENTS}`, { ending_before: 'last' })
  let isOff = false
  const onRefusal = (): never => {
    isOff = true
    throw createExpired('does not give its events')
  }
  const list = await fetchCleverList(listing, { limit: 1 }, onRefusal).catch((error: unknown) => {
    if (isOff) return undefined
    throw error
  })
  return list && JSON.stringify(toBaseline(list, options.nowMs()))
}

function toBaseline({ rows }: CleverList, nowMs: number): CleverBaseline {
  const now = new Date(nowMs).toISOString()
  if (rows.length === 0) return { at: now }
  const event = unwrap(rows.at(-1))
  const id = idOf(event, 'id') ?? throwFailed('read the newest event of Clever', 'it has no id')
  const createdMs = Date.parse(textOf(event, 'created') ?? '')
  return { id, at: Number.isNaN(createdMs) ? now : new Date(createdMs).toISOString() }
}

async function readRows(reading: Reading): Promise<RosterPage> {
  const stream = toFullStream(reading.stream)
  const [collection, role] = stream.split(':') as [CleverCollection, CleverRole?] // as they are made
  const listing = listingOf(reading, `/${collection}`, role && { role })
  const list = await fetchPage(reading, { listing, cursor: cursorOf(reading) })
  // Whoever has several roles stands in several lists, and is taken from one.
  const rows = list.rows.filter((row) => role === undefined || isMain(row, role))
  return toCleverPage(
    list,
    rows.map((row) => readCleverRow(collection, row)),
  )
}

function isMain(row: unknown, role: CleverRole): boolean {
  return (findMainCleverRole(row) ?? role) === role
}

async function readEvents(reading: Reading): Promise<RosterPage> {
  const baseline = parseCleverBaseline(reading.since ?? '')
  if (reading.nowMs() - Date.parse(baseline.at) > EVENTS_KEPT_MS) {
    throw createExpired('no longer has the events since the last pull')
  }
  const { limit, after = baseline.id } = cursorOf(reading)
  const onRefusal = (): never => {
    throw createExpired('does not give the events since the last pull')
  }
  const listing = listingOf(reading, `/${EVENTS}`)
  const list = await fetchPage(reading, { listing, cursor: { after, limit }, onRefusal })
  return toCleverPage(list, list.rows.map(readCleverEvent))
}

// What was too large for one stream is not tried with the next one.
async function fetchPage(
  { learned }: Pick<Reading, 'learned'>,
  {
    listing,
    cursor,
    onRefusal,
  }: {
    readonly listing: CleverListing
    readonly cursor: CleverCursor
    readonly onRefusal?: (status: number) => void
  },
): Promise<CleverList> {
  const list = await fetchCleverList(listing, cursor, onRefusal)
  if (list.limit < cursor.limit) learned.most = Math.min(learned.most, list.limit)
  return list
}

function toCleverPage({ next }: CleverList, readings: readonly RowReading[]): RosterPage {
  return toPage(readings, next && JSON.stringify(next))
}

function cursorOf({ cursor, stream, learned }: Reading): CleverCursor {
  if (cursor !== undefined) return parseCleverCursor(cursor)
  return { limit: Math.min(LIMITS[stream] ?? MAX_LIMIT, learned.most) }
}

function listingOf(
  { baseUrl, caller, signal }: CleverSourceOptions & { readonly signal: AbortSignal },
  path: string,
  query: Readonly<Record<string, string>> = {},
): CleverListing {
  return { baseUrl: baseUrl.replace(/\/+$/, ''), caller, path, query, signal }
}

function toFullStream(stream: RosterStream): FullStream {
  const known = FULL_STREAMS.find((name) => name === stream)
  return known ?? throwFailed('read a stream of Clever', 'it has none of this name')
}

function createExpired(reason: string): AppError {
  return new AppError('cursor_expired', `Cannot go on from the last pull: Clever ${reason}`, {
    status: 410,
  })
}
