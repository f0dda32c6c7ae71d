import { randomBytes } from 'node:crypto'
import {
  applyChanges,
  listRecords,
  listSchoolRecords,
  type District,
} from '../../core/sample/district.ts'
import { mutateDistrict } from '../../core/sample/district-mutations.ts'
import { countSchools } from '../../core/sample/district-school.ts'
import type { RosterCollection, RosterEnrollment } from '../../core/roster/record.ts'
import { listCleverEvents, type CleverEvent } from './clever-events.ts'
import { cleverDistrictId, toCleverView } from './clever-views.ts'
import { createPager, type Pager } from './pager.ts'
import {
  startStandIn,
  type DistrictServer,
  type StandInAnswer,
  type StandInRequest,
} from './server.ts'

export type CleverStandInOptions = {
  readonly district: District
  readonly port?: number
  /** People whom nobody may read, and whom sections list all the same. */
  readonly invisible?: ReadonlySet<string>
  readonly maxLimit?: number
  /** How many requests a minute and token; the window begins with the first. */
  readonly perMinute?: number
  readonly nowMs?: () => number
}

/** A stand-in for Clever, with what its API needs to be read by a client's credentials too. */
export type CleverStandIn = DistrictServer & {
  readonly clientSettings: DistrictServer['settings']
  /** The token is another one from now on. */
  readonly replaceToken: () => void
  readonly setEvents: (isOn: boolean) => void
}

type View = Readonly<Record<string, unknown>>
type State = {
  district: District
  token: string
  isTelling: boolean
  pagers: Map<string, Pager<View>>
  window: { endMs: number; used: number }
  readonly events: CleverEvent[]
}

const VERSION = '/v3.1'
const CLIENT_ID = 'sample-client'
const COLLECTIONS: ReadonlySet<string> = new Set([
  'schools',
  'terms',
  'courses',
  'sections',
  'users',
])
const MAX_LIMIT = 10_000
const PER_MINUTE = 1_200
const DAYS_KEPT = 30
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** Starts a Clever Data API v3.1 of a made-up district, with events and the look-up of tokens. */
export async function startCleverStandIn(options: CleverStandInOptions): Promise<CleverStandIn> {
  const clientSecret = createSecret()
  const state: State = {
    district: options.district,
    token: createSecret(),
    isTelling: true,
    pagers: new Map(),
    window: { endMs: 0, used: 0 },
    events: [],
  }
  const serving = await startStandIn(
    (request) => answer({ options, state, clientSecret }, request),
    options.port,
  )
  const baseUrl = `${serving.url}${VERSION}`
  return {
    ...serving,
    settings: { kind: 'clever', baseUrl, auth: { type: 'bearer', token: state.token } },
    clientSettings: {
      kind: 'clever',
      baseUrl,
      auth: {
        type: 'client_credentials',
        clientId: CLIENT_ID,
        clientSecret,
        tokenUrl: `${serving.url}/oauth/tokens`,
        districtId: cleverDistrictId,
      },
    },
    getDistrict: () => state.district,
    mutate(mutation) {
      const { changes } = mutateDistrict(state.district, mutation)
      state.district = applyChanges(state.district, changes)
      state.pagers = new Map()
      for (const event of listCleverEvents(state.district, changes)) {
        state.events.push({ id: createEventId(state.events.length), ...event })
      }
      return changes
    },
    replaceToken: () => void (state.token = createSecret()),
    setEvents: (isOn) => void (state.isTelling = isOn),
  }
}

type Answering = {
  readonly options: CleverStandInOptions
  readonly state: State
  readonly clientSecret: string
}

function answer(answering: Answering, request: StandInRequest): StandInAnswer {
  const { state, options } = answering
  if (request.path === '/oauth/tokens') return giveTokens(answering, request)
  if (request.headers.authorization !== `Bearer ${state.token}`) return refuse(401)
  const limits = countRequest(options, state)
  if (limits.isOver) return refuse(429, limits.headers)
  return { headers: limits.headers, ...answerCall(answering, request) }
}

function answerCall({ options, state }: Answering, { path, query }: StandInRequest): StandInAnswer {
  const [collection = '', id] = path.slice(VERSION.length + 1).split('/')
  const limit = Number(query.get('limit') ?? 100)
  if (!path.startsWith(`${VERSION}/`) || !(limit >= 1)) return refuse(400)
  if (limit > (options.maxLimit ?? MAX_LIMIT)) return refuse(413)
  if (collection === 'districts') return list([{ id: cleverDistrictId, name: 'Sample' }], undefined)
  if (collection === 'events') return listEvents({ options, state }, query, limit)
  if (!COLLECTIONS.has(collection)) return refuse(404)
  const role = query.get('role')
  const key = `${collection}:${role ?? ''}`
  const rows = (): Iterator<View> =>
    listViews(state.district, collection as RosterCollection, options.invisible ?? new Set()) // of the set above
  const pager = state.pagers.get(key) ?? createPager(() => ofRole(rows(), role), idOf)
  state.pagers.set(key, pager)
  if (id !== undefined) return findOne(rows(), id)
  const page = pager.readAfter(query.get('starting_after') ?? undefined, limit)
  if (!page) return refuse(404)
  const last = page.rows.at(-1)
  return list(page.rows, page.hasMore && last ? createNext(path, query, idOf(last)) : undefined)
}

function* listViews(
  district: District,
  collection: RosterCollection,
  invisible: ReadonlySet<string>,
): Generator<View> {
  if (collection !== 'sections') {
    for (const { isGone, ...record } of listRecords(district, collection)) {
      if (!isGone && !invisible.has(record.record.id)) yield toCleverView(record)
    }
    return
  }
  for (let school = 0; school < countSchools(district); school += 1) {
    const members = groupMembers(listSchoolRecords(district, 'enrollments', school))
    for (const record of listSchoolRecords(district, 'sections', school)) {
      const entry = { collection, record, at: district.startsAt }
      yield toCleverView(entry, members.get(record.id) ?? [])
    }
  }
}

function groupMembers(all: readonly RosterEnrollment[]): Map<string, RosterEnrollment[]> {
  const members = new Map<string, RosterEnrollment[]>()
  for (const one of all) {
    const group = members.get(one.sectionId)
    if (group) group.push(one)
    else members.set(one.sectionId, [one])
  }
  return members
}

function* ofRole(views: Iterator<View>, role: string | null): Generator<View> {
  for (let next = views.next(); !next.done; next = views.next()) {
    if (role === null || Object.hasOwn(next.value['roles'] as View, role)) yield next.value // of a user
  }
}

function findOne(views: Iterator<View>, id: string): StandInAnswer {
  for (let next = views.next(); !next.done; next = views.next()) {
    if (idOf(next.value) === id) return { status: 200, body: { data: next.value } }
  }
  return refuse(404)
}

function listEvents(
  { options, state }: Pick<Answering, 'options' | 'state'>,
  query: URLSearchParams,
  limit: number,
): StandInAnswer {
  if (!state.isTelling) return refuse(404)
  const since = (options.nowMs ?? Date.now)() - DAYS_KEPT * DAY_MS
  const kept = state.events.filter(({ created }) => Date.parse(created) >= since)
  if (query.get('ending_before') === 'last') return list(kept.slice(-limit), undefined)
  const after = query.get('starting_after')
  const start = kept.findIndex(({ id }) => id === after) + 1
  if (after !== null && start === 0) return refuse(404)
  const page = kept.slice(start, start + limit)
  const last = page.at(-1)
  const hasMore = last !== undefined && start + limit < kept.length
  return list(page, hasMore ? createNext(`${VERSION}/events`, query, last.id) : undefined)
}

function countRequest(
  options: CleverStandInOptions,
  { window }: State,
): { readonly isOver: boolean; readonly headers: Readonly<Record<string, string>> } {
  const { perMinute = PER_MINUTE, nowMs = Date.now } = options
  const now = nowMs()
  if (now >= window.endMs) Object.assign(window, { endMs: now + MINUTE_MS, used: 0 })
  window.used += 1
  const headers = {
    'x-ratelimit-limit': String(perMinute),
    'x-ratelimit-remaining': String(Math.max(perMinute - window.used, 0)),
    'x-ratelimit-reset': String(Math.ceil(window.endMs / 1_000)),
  }
  return { isOver: window.used > perMinute, headers }
}

function giveTokens({ state, clientSecret }: Answering, request: StandInRequest): StandInAnswer {
  const credentials = Buffer.from(`${CLIENT_ID}:${clientSecret}`).toString('base64')
  if (request.headers.authorization !== `Basic ${credentials}`) return refuse(401)
  if (request.query.get('owner_type') !== 'district') return refuse(400)
  const other = { id: 'other', owner: { type: 'district', id: 'other' }, access_token: 'other' }
  const own = {
    id: 'own',
    created: state.district.startsAt,
    owner: { type: 'district', id: cleverDistrictId },
    access_token: state.token,
    scopes: ['read:district_admins', 'read:students', 'read:teachers'],
  }
  return { status: 200, body: { data: [other, own], links: [] } }
}

function list(rows: readonly object[], next: string | undefined): StandInAnswer {
  const links = next === undefined ? [] : [{ rel: 'next', uri: next }]
  return { status: 200, body: { data: rows.map((data) => ({ data })), links } }
}

function createNext(path: string, query: URLSearchParams, after: string): string {
  const next = new URLSearchParams(query)
  next.set('starting_after', after)
  return `${path}?${next.toString()}`
}

function refuse(status: number, headers: Readonly<Record<string, string>> = {}): StandInAnswer {
  return { status, headers, body: { error: `refused with ${status}` } }
}

function idOf(view: View): string {
  return String(view['id'])
}

function createEventId(number: number): string {
  return `56${number.toString(16).padStart(22, '0')}`
}

function createSecret(): string {
  return randomBytes(24).toString('base64url')
}
