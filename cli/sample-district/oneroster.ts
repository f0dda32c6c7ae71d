import { randomBytes } from 'node:crypto'
import { createSignatureBase, signOauth1 } from '../../connectors/oneroster/oauth1.ts'
import type { RosterSourceSettings } from '../../connectors/roster/settings.ts'
import type { SourceAuth } from '../../core/roster/provider.ts'
import { oneRosterNames } from '../../core/roster/oneroster.ts'
import { rosterCollections, type RosterCollection } from '../../core/roster/record.ts'
import {
  applyChanges,
  listRecords,
  type District,
  type DistrictRecord,
} from '../../core/sample/district.ts'
import { mutateDistrict } from '../../core/sample/district-mutations.ts'
import { toDistrictView, toOneRosterView, type OneRosterVersion } from './oneroster-views.ts'
import { createPager, type Pager } from './pager.ts'
import {
  startStandIn,
  type DistrictServer,
  type StandInAnswer,
  type StandInRequest,
} from './server.ts'

/** How a server of OneRoster differs from the next one. */
export type OneRosterManner = {
  /** Limits above are taken for this one, without a word. */
  readonly maxLimit: number
  /** `X-Total-Count`: as it is, or not said, or so many more than there are. */
  readonly total: 'right' | 'missing' | number
  /** Whether what is gone is listed as `tobedeleted`, or simply no longer. */
  readonly tombstones: boolean
  /** ClassLink's revision of what may be read. */
  readonly revision?: string
}

export type OneRosterStandInOptions = {
  readonly district: District
  readonly version: OneRosterVersion
  readonly port?: number
  readonly kind?: 'oneroster' | 'classlink'
  readonly authType?: Exclude<SourceAuth['type'], 'client_credentials'>
  readonly manner?: Partial<OneRosterManner>
}

export type OneRosterStandIn = DistrictServer & {
  /** From the next request on. */
  readonly setManner: (manner: Partial<OneRosterManner>) => void
  readonly countTokens: () => number
  /** Tokens that were given are no longer taken. */
  readonly revokeTokens: () => void
}

type View = Readonly<Record<string, unknown>>
type State = {
  district: District
  manner: OneRosterManner
  pagers: Map<string, Pager<View>>
  totals: Map<string, number>
  token: string
  tokens: number
}
type Answering = {
  readonly state: State
  readonly options: OneRosterStandInOptions
  readonly secret: string
  readonly getOrigin: () => string
}

const PATHS = { '1.1': '/ims/oneroster/v1p1', '1.2': '/ims/oneroster/rostering/v1p2' } as const
const CLIENT_ID = 'sample-client'
const DEFAULT_LIMIT = 100
const MANNER: OneRosterManner = { maxLimit: 10_000, total: 'right', tombstones: true }
const LISTS: ReadonlyMap<string, RosterCollection> = new Map(
  rosterCollections.map((collection) => [oneRosterNames[collection], collection]),
)

/** Starts a server of OneRoster 1.1 or 1.2 of a made-up district. */
export async function startOneRosterStandIn(
  options: OneRosterStandInOptions,
): Promise<OneRosterStandIn> {
  const secret = createSecret()
  const state: State = {
    district: options.district,
    manner: { ...MANNER, ...options.manner },
    pagers: new Map(),
    totals: new Map(),
    token: createSecret(),
    tokens: 0,
  }
  const renew = (): void => {
    state.pagers = new Map()
    state.totals = new Map()
  }
  let origin = ''
  const answering = { state, options, secret, getOrigin: () => origin }
  const serving = await startStandIn((request) => answer(answering, request), options.port)
  origin = serving.url
  return {
    ...serving,
    settings: toSettings(answering),
    getDistrict: () => state.district,
    mutate(mutation) {
      const { changes } = mutateDistrict(state.district, mutation)
      state.district = applyChanges(state.district, changes)
      renew()
      return changes
    },
    setManner(manner) {
      state.manner = { ...state.manner, ...manner }
      renew()
    },
    countTokens: () => state.tokens,
    revokeTokens: () => void (state.token = createSecret()),
  }
}

function toSettings({ options, secret, state, getOrigin }: Answering): RosterSourceSettings {
  const { kind = 'oneroster', version, authType = 'bearer' } = options
  const client = { clientId: CLIENT_ID, clientSecret: secret }
  const auths: Readonly<Record<typeof authType, SourceAuth>> = {
    bearer: { type: 'bearer', token: state.token },
    oauth2: { type: 'oauth2', tokenUrl: `${getOrigin()}/oauth2/token`, ...client },
    oauth1: {
      type: 'oauth1',
      consumerKey: CLIENT_ID,
      consumerSecret: secret,
      signatureMethod: 'HMAC-SHA256',
    },
  }
  return { kind, version, baseUrl: `${getOrigin()}${PATHS[version]}`, auth: auths[authType] }
}

function answer(answering: Answering, request: StandInRequest): StandInAnswer {
  const { options } = answering
  const base = PATHS[options.version]
  if (request.path === '/oauth2/token') return giveToken(answering, request)
  if (!isAllowed(answering, request)) return refuse(401)
  if (!request.path.startsWith(`${base}/`)) return refuse(404)
  const [name = '', ...rest] = request.path.slice(base.length + 1).split('/')
  if (rest.length > 0 || !LISTS.has(name)) return refuse(404)
  return list(answering, name, request.query)
}

function list({ state, options }: Answering, name: string, query: URLSearchParams): StandInAnswer {
  const { manner } = state
  const limit = Math.min(Number(query.get('limit') ?? DEFAULT_LIMIT), manner.maxLimit)
  const offset = Number(query.get('offset') ?? 0)
  const since = /^dateLastModified>'(.+)'$/.exec(query.get('filter') ?? '')?.[1]
  if (!(limit >= 1) || !(offset >= 0) || (query.has('filter') && since === undefined)) {
    return refuse(400)
  }
  const key = `${name}:${since ?? ''}`
  const open = (): Iterator<View> => listViews(state, { name, since }, options.version)
  const pager = state.pagers.get(key) ?? createPager(open, idOf)
  state.pagers.set(key, pager)
  const { rows } = pager.readFrom(offset, limit)
  const total = manner.total === 'missing' ? undefined : countRows(state, key, { name, since })
  return {
    status: 200,
    headers: {
      ...(total !== undefined && {
        'x-total-count': String(total + (manner.total === 'right' ? 0 : Number(manner.total))),
        'x-count': String(rows.length),
      }),
      ...(manner.revision !== undefined && { 'x-perm-rev': manner.revision }),
    },
    body: { [name]: rows },
  }
}

type Wanted = { readonly name: string; readonly since: string | undefined }

function countRows(state: State, key: string, wanted: Wanted): number {
  const known = state.totals.get(key)
  if (known !== undefined) return known
  let count = 0
  for (const rows = listRows(state, wanted); !rows.next().done;) count += 1
  state.totals.set(key, count)
  return count
}

function* listViews(state: State, wanted: Wanted, version: OneRosterVersion): Generator<View> {
  const { startsAt } = state.district
  for (const row of listRows(state, wanted)) {
    yield row === 'district' ? toDistrictView(startsAt) : toOneRosterView(row, version)
  }
}

function* listRows(
  { district, manner }: State,
  { name, since = '' }: Wanted,
): Generator<DistrictRecord | 'district'> {
  const collection = LISTS.get(name) ?? 'schools'
  if (collection === 'schools' && district.startsAt > since) yield 'district'
  for (const record of listRecords(district, collection)) {
    if (record.at > since && (!record.isGone || manner.tombstones)) yield record
  }
}

function isAllowed(
  { options, state, secret, getOrigin }: Answering,
  request: StandInRequest,
): boolean {
  const { authorization = '' } = request.headers
  if (options.authType !== 'oauth1') return authorization === `Bearer ${state.token}`
  const parameters = [...authorization.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, decodeURIComponent(value)] as const,
  )
  const given = new Map(parameters)
  const base = createSignatureBase({
    method: request.method,
    url: `${getOrigin()}${request.target}`,
    parameters: parameters.filter(([name]) => name !== 'oauth_signature'),
  })
  const signatureMethod =
    given.get('oauth_signature_method') === 'HMAC-SHA1' ? 'HMAC-SHA1' : 'HMAC-SHA256'
  const wanted = signOauth1(base, { consumerSecret: secret, signatureMethod })
  return given.get('oauth_consumer_key') === CLIENT_ID && given.get('oauth_signature') === wanted
}

function giveToken({ state, secret }: Answering, request: StandInRequest): StandInAnswer {
  const credentials = Buffer.from(`${CLIENT_ID}:${secret}`).toString('base64')
  const form = new URLSearchParams(request.body)
  const isKnown = request.headers.authorization === `Basic ${credentials}`
  if (!isKnown || request.method !== 'POST') return refuse(401)
  if (form.get('grant_type') !== 'client_credentials') return refuse(400)
  if (!form.get('scope')?.endsWith('/scope/roster-core.readonly')) return refuse(400)
  state.tokens += 1
  const body = { access_token: state.token, token_type: 'bearer', expires_in: 3_600 }
  return { status: 200, body }
}

function refuse(status: number): StandInAnswer {
  const body = {
    imsx_codeMajor: 'failure',
    imsx_severity: 'error',
    imsx_description: `refused with ${status}`,
  }
  return { status, body }
}

function idOf(view: View): string {
  return String(view['sourcedId'])
}

function createSecret(): string {
  return randomBytes(24).toString('base64url')
}
