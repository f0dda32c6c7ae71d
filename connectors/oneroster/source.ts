import { createHash } from 'node:crypto'
import { AppError, isAppError } from '../../core/errors.ts'
import { oneRosterNames, readOneRosterRow } from '../../core/roster/oneroster.ts'
import { rosterCollections, type RosterCollection } from '../../core/roster/record.ts'
import type { RosterPage, RosterPageRequest, RosterSource } from '../../core/roster/source.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { throwFailed } from '../roster/answer.ts'
import type { RosterCaller } from '../roster/caller.ts'
import { toPage } from '../roster/page.ts'
import { parseOneRosterCursor, type OneRosterCursor } from './cursor.ts'
import { readEnvelope, type Envelope } from './envelope.ts'
import { encodeQuery } from './percent-encoding.ts'

export type OneRosterSourceOptions = {
  /** Such as `https://host/ims/oneroster/v1p1`. */
  readonly baseUrl: string
  readonly caller: RosterCaller
  readonly nowMs: () => number
}

type Reading = OneRosterSourceOptions &
  RosterPageRequest & { readonly collection: RosterCollection; readonly at: OneRosterCursor }

type Fetched = { readonly envelope: Envelope; readonly limit: number }

const LIMIT = 5_000
/** The default of OneRoster: what can't give that many can't give fewer. */
const LEAST_LIMIT = 100
const BAD_GATEWAY = 502
const TOO_LARGE = 413
/** Of the clocks, and of what was being written when the pull began. */
const OVERLAP_MS = 600_000
/** Answers of servers that cannot filter by date. */
const UNFILTERED: ReadonlySet<number> = new Set([400, 404, 422, 501])

/**
 * OneRoster 1.1 and 1.2, ClassLink's proxy among them, as a source: all collections one after the
 * other, in full or what was modified since a baseline less ten minutes.
 */
export function createOneRosterSource(options: OneRosterSourceOptions): RosterSource {
  return {
    listStreams: () => rosterCollections,
    readBaseline: async () =>
      await Promise.resolve(new Date(options.nowMs() - OVERLAP_MS).toISOString()),
    async readPage(request) {
      const collection = toCollection(request.stream)
      const { cursor } = request
      const at = cursor === undefined ? begin : parseOneRosterCursor(cursor)
      return await readPage({ ...options, ...request, collection, at })
    },
    async check(signal) {
      const what = 'read the organizations of the source'
      const url = `${trimSlash(options.baseUrl)}/orgs?${encodeQuery({ limit: '1', offset: '0' })}`
      readEnvelope(await options.caller.get({ url: () => url, what, signal }), 'orgs', what)
    },
    close: () => {},
  }
}

const begin: OneRosterCursor = { offset: 0, limit: LIMIT, honoursLimit: false }

async function readPage(reading: Reading): Promise<RosterPage> {
  const { collection, at } = reading
  const { envelope, limit } = await fetchPage(reading)
  const { rows, revision, warnings } = envelope
  const total = findLargest(at.total, envelope.total)
  const next = findNext(at, { envelope, limit, total, what: whatOf(collection) })
  return toPage(
    rows.map((row) => readOneRosterRow(collection, row)),
    next && JSON.stringify(next),
    { warnings, ...(revision !== undefined && { revision }) },
  )
}

type Received = Fetched & { readonly total: number | undefined; readonly what: string }

/**
 * By rows received, since servers clamp limits without a word. Only an empty page ends a collection,
 * or a short one of a server that is known to honour limits and says of no more rows. A total never
 * ends one; a collection that ends short of the largest total is incomplete.
 */
function findNext(at: OneRosterCursor, received: Received): OneRosterCursor | undefined {
  const { envelope, limit, total, what } = received
  const { rows } = envelope
  const offset = at.offset + rows.length
  const isShortOfTotal = total !== undefined && offset < total
  const isLast = rows.length === 0 || (at.honoursLimit && rows.length < limit && !isShortOfTotal)
  if (isLast && isShortOfTotal) throwIncomplete(what, { offset, total })
  if (isLast) return undefined
  const first = hashRow(rows[0])
  if (first === at.first) throwFailed(what, 'it gives the same page again, whatever the offset')
  return { offset, limit, honoursLimit: at.honoursLimit || rows.length === limit, total, first }
}

async function fetchPage(reading: Reading): Promise<Fetched> {
  const { caller, collection, signal, at } = reading
  const what = whatOf(collection)
  let { limit } = at
  const halve = (): void => void (limit = Math.max(1, Math.floor(limit / 2)))
  const onRetry = (status: number): boolean => {
    const canHalve = status === BAD_GATEWAY && limit > LEAST_LIMIT
    if (canHalve) halve()
    return canHalve
  }
  for (;;) {
    const url = (): string => toUrl(reading, limit)
    const answer = await ignoreTooLarge(caller.get({ url, what, signal, onRetry }))
    if (answer && answer.status !== TOO_LARGE) {
      assertFiltered(reading, answer)
      return { envelope: readEnvelope(answer, oneRosterNames[collection], what), limit }
    }
    if (limit === 1) throwFailed(what, 'it is too large, one record at a time too')
    halve()
  }
}

async function ignoreTooLarge(answer: Promise<HttpAnswer>): Promise<HttpAnswer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isAppError(error, 'answer_too_large')) return undefined
    throw error
  }
}

function toUrl({ baseUrl, collection, mode, since, at }: Reading, limit: number): string {
  const query = encodeQuery({
    limit: String(limit),
    offset: String(at.offset),
    sort: 'sourcedId',
    orderBy: 'asc',
    ...(mode === 'incremental' && { filter: `dateLastModified>'${since ?? ''}'` }),
  })
  return `${trimSlash(baseUrl)}/${oneRosterNames[collection]}?${query}`
}

function assertFiltered({ mode }: Reading, { status }: HttpAnswer): void {
  if (mode === 'full' || !UNFILTERED.has(status)) return
  throw new AppError(
    'cursor_expired',
    'Cannot read what was modified since the last pull: the source does not filter by date',
    { status: 410 },
  )
}

function findLargest(...totals: readonly (number | undefined)[]): number | undefined {
  const said = totals.filter((total) => total !== undefined)
  return said.length === 0 ? undefined : Math.max(...said)
}

function hashRow(row: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(row) ?? '')
    .digest('base64url')
    .slice(0, 16)
}

function toCollection(stream: string): RosterCollection {
  const known = rosterCollections.find((name) => name === stream)
  return known ?? throwFailed('read a stream of OneRoster', 'it has none of this name')
}

function whatOf(collection: RosterCollection): string {
  return `read the ${oneRosterNames[collection]} of the source`
}

function trimSlash(baseUrl: string): string {
  return baseUrl.replace(/\/+$/, '')
}

function throwIncomplete(
  what: string,
  { offset, total }: { readonly offset: number; readonly total: number },
): never {
  throw new AppError(
    'source_incomplete',
    `Cannot ${what}: it ends after ${offset} of ${total} records`,
    { status: 502 },
  )
}
