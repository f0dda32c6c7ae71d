import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { startLocalServer } from './http-server.ts'
import { applyPatch, patchBody, type ScimAttributes } from './scim-patch.ts'
import { ScimStore, type IndexedAttribute, type ScimResource } from './scim-store.ts'

/** A SCIM 2.0 service provider in memory: Users and Groups with PATCH, filters by `eq`, and Bulk. */
export type DemoScim = {
  /** Such as `http://127.0.0.1:41234/scim/v2`. */
  readonly url: string
  /** The bearer token that it takes. */
  readonly token: string
  readonly users: () => readonly ScimResource[]
  readonly groups: () => readonly ScimResource[]
  readonly close: () => Promise<void>
}

export type ScimListener = Pick<DemoScim, 'users' | 'groups'> & { readonly listen: RequestListener }

type Answer = { readonly status: number; readonly body?: ScimAttributes }
type Stores = Readonly<Record<'Users' | 'Groups', ScimStore>>
type Request = { readonly method: string; readonly url: string; readonly body: unknown }

const BASE = '/scim/v2'
const MESSAGES = 'urn:ietf:params:scim:api:messages:2.0'
const MAX_OPERATIONS = 1_000
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
const MAX_RESULTS = 1_000

const FILTER = /^(externalId|userName|displayName) eq ("(?:[^"\\]|\\.)*")$/
const bulkBody = z.object({
  Operations: z
    .array(
      z.object({
        method: z.string(),
        path: z.string(),
        bulkId: z.string().optional(),
        data: z.unknown().optional(),
      }),
    )
    .max(MAX_OPERATIONS),
})
const attributesBody = z.record(z.string(), z.unknown())

export type DemoScimOptions = {
  /** Whether it takes bulks; true unless said. */
  readonly bulk?: boolean
}

/** Starts one without accounts. */
export async function startDemoScim(options: DemoScimOptions = {}): Promise<DemoScim> {
  const token = randomBytes(24).toString('base64url')
  const { listen, users, groups } = createScimListener(token, options)
  const server = await startLocalServer(listen)
  return { url: `${server.url}${BASE}`, token, users, groups, close: server.close }
}

/** The same for a server that is there already; it answers below `/scim/v2`. */
export function createScimListener(
  token: string,
  { bulk = true }: DemoScimOptions = {},
): ScimListener {
  const stores: Stores = { Users: new ScimStore('userName'), Groups: new ScimStore('displayName') }
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { method = 'GET', url = '', headers } = request
    if (headers.authorization !== `Bearer ${token}`) return refuse(401)
    if (Number(headers['content-length'] ?? 0) > MAX_PAYLOAD_BYTES) return refuse(413)
    const body = method === 'GET' || method === 'DELETE' ? undefined : await json(request)
    const path = url.slice(BASE.length)
    if (path === '/ServiceProviderConfig') return { status: 200, body: describeFeatures(bulk) }
    if (path === '/Bulk') return bulk ? workBulk(stores, body) : refuse(501)
    return work(stores, { method, url: path, body })
  }
  return {
    listen: (request, response) => void reply(response, answer(request)),
    users: () => stores.Users.list(),
    groups: () => stores.Groups.list(),
  }
}

async function reply(response: ServerResponse, answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer.catch(() => refuse(400, 'invalidSyntax'))
  response.writeHead(status, { 'content-type': 'application/scim+json' })
  response.end(body && JSON.stringify(body))
}

function work(stores: Stores, { method, url, body }: Request): Answer {
  const [path = '', query = ''] = url.split('?')
  const [, kind = '', id] = path.split('/')
  if (kind !== 'Users' && kind !== 'Groups') return refuse(404)
  const store = stores[kind]
  if (id === undefined) return method === 'POST' ? create(store, body) : list(store, query)
  return workOne(store, { method, url: decodeURIComponent(id), body })
}

function workBulk(stores: Stores, body: unknown): Answer {
  const { Operations } = bulkBody.parse(body)
  const results = Operations.map(({ method, path, bulkId, data }) => {
    const { status, body: response } = tryWork(stores, { method, url: path, body: data })
    const id = response?.['id']
    const location = typeof id === 'string' ? `${BASE}/${path.split('/')[1]}/${id}` : path
    const failed = status >= 400 ? { response } : {}
    return { method, bulkId, location, status: String(status), ...failed }
  })
  return { status: 200, body: { schemas: [`${MESSAGES}:BulkResponse`], Operations: results } }
}

function tryWork(stores: Stores, request: Request): Answer {
  try {
    return work(stores, request)
  } catch {
    return refuse(400, 'invalidSyntax')
  }
}

function create(store: ScimStore, body: unknown): Answer {
  const made = store.create(attributesBody.parse(body))
  return made ? { status: 201, body: made } : refuse(409, 'uniqueness')
}

function workOne(store: ScimStore, { method, url: id, body }: Request): Answer {
  const held = store.get(id)
  if (!held) return refuse(404)
  if (method === 'GET') return { status: 200, body: held }
  if (method === 'DELETE') {
    store.delete(id)
    return { status: 204 }
  }
  const attributes =
    method === 'PUT' ? attributesBody.parse(body) : applyPatch(held, patchBody.parse(body))
  const kept = store.replace(id, attributes)
  return kept ? { status: 200, body: kept } : refuse(409, 'uniqueness')
}

function list(store: ScimStore, query: string): Answer {
  const parameters = new URLSearchParams(query)
  const filter = parameters.get('filter')
  const found = filter === null ? store.list() : findBy(store, filter)
  if (!found) return refuse(400, 'invalidFilter')
  const startIndex = Math.max(Number(parameters.get('startIndex') ?? 1), 1)
  const count = Math.min(Number(parameters.get('count') ?? 100), MAX_RESULTS)
  const resources = found.slice(startIndex - 1, startIndex - 1 + count)
  const lean = parameters.get('excludedAttributes') === 'members'
  return {
    status: 200,
    body: {
      schemas: [`${MESSAGES}:ListResponse`],
      totalResults: found.length,
      startIndex,
      itemsPerPage: resources.length,
      Resources: lean ? resources.map(({ members: _members, ...rest }) => rest) : resources,
    },
  }
}

function findBy(store: ScimStore, filter: string): readonly ScimResource[] | undefined {
  const [, attribute, quoted = ''] = FILTER.exec(filter) ?? []
  if (attribute === undefined) return undefined
  // The pattern names no other attribute, and takes a JSON string.
  const found = store.find(attribute as IndexedAttribute, JSON.parse(quoted) as string)
  return found ? [found] : []
}

function refuse(status: number, scimType?: string): Answer {
  const body = { schemas: [`${MESSAGES}:Error`], status: String(status) }
  return { status, body: scimType === undefined ? body : { ...body, scimType } }
}

function describeFeatures(bulk: boolean): ScimAttributes {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: {
      supported: bulk,
      maxOperations: MAX_OPERATIONS,
      maxPayloadSize: MAX_PAYLOAD_BYTES,
    },
    filter: { supported: true, maxResults: MAX_RESULTS },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: false },
    authenticationSchemes: [{ type: 'oauthbearertoken', name: 'Bearer token' }],
  }
}
