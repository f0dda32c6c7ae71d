import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { startLocalServer } from '../../cli/demo/stand-ins/http-server.ts'
import { applyPatch, patchBody } from '../../cli/demo/stand-ins/scim-patch.ts'

type Attributes = Record<string, unknown>
type Answer = { readonly status: number; readonly body?: unknown }

export type PoorScimOptions = {
  /** What it does with a filter. */
  readonly filter?: 'ignored' | 'refused' | 'empty'
  /** Whether it says that it can filter. */
  readonly claimsFilter?: boolean
  /** Whether it refuses a userName that somebody has. */
  readonly isUnique?: boolean
  /** Whether it knows PATCH and no PUT, instead of the other way round. */
  readonly patches?: boolean
}

/**
 * A SCIM server of the worst kind that still is one: no PATCH (or no PUT), no filter, no Bulk, no configuration,
 * 409 without a type, 200 on create, numbers for ids, userNames in lower case, short pages, and only
 * the attributes that it knows.
 */
export type PoorScim = {
  readonly url: string
  readonly token: string
  readonly users: Map<string, Attributes>
  readonly groups: Map<string, Attributes>
  /** `METHOD path` of every call. */
  readonly calls: string[]
  readonly close: () => Promise<void>
}

const PAGE = 7
const KEPT = {
  Users: ['externalId', 'userName', 'name', 'displayName', 'emails', 'active', 'entitlements'],
  Groups: ['externalId', 'displayName', 'members'],
} as const

/** Starts one without accounts. */
export async function startPoorScim(options: PoorScimOptions = {}): Promise<PoorScim> {
  const users = new Map<string, Attributes>()
  const groups = new Map<string, Attributes>()
  const calls: string[] = []
  let nextId = 1
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { method = 'GET', url = '' } = request
    calls.push(`${method} ${url}`)
    if (request.headers.authorization !== 'Bearer poor-token') return { status: 401 }
    const [path = '', query = ''] = url.split('?')
    const [, kind = '', id] = path.split('/')
    if (kind === 'ServiceProviderConfig' && options.claimsFilter) {
      return { status: 200, body: { filter: { supported: true, maxResults: PAGE } } }
    }
    if (kind !== 'Users' && kind !== 'Groups') return { status: 404 }
    if (method === (options.patches ? 'PUT' : 'PATCH')) return { status: 405 }
    const held = kind === 'Users' ? users : groups
    if (method === 'GET' && id === undefined) return list([...held.values()], query, options)
    if (method === 'POST') {
      const made = keep(kind, (await json(request)) as Attributes)
      if (isTaken(held, made, options)) return { status: 409 }
      const newId = String(nextId++)
      held.set(newId, { ...made, id: Number(newId) })
      return { status: 200, body: held.get(newId) }
    }
    const found = held.get(id ?? '')
    if (!found || id === undefined) return { status: 404 }
    if (method === 'DELETE') held.delete(id)
    if (method === 'PUT' || method === 'PATCH') {
      const sent = await json(request)
      const changed =
        method === 'PUT' ? (sent as Attributes) : applyPatch(found, patchBody.parse(sent))
      const kept = { ...keep(kind, changed), id: Number(id) }
      if (isTaken(held, kept, options)) return { status: 409 }
      held.set(id, kept)
    }
    return method === 'DELETE' ? { status: 200 } : { status: 200, body: held.get(id) }
  }
  const server = await startLocalServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      const type = body === undefined ? 'text/html' : 'application/json'
      response.writeHead(status, { 'content-type': type })
      response.end(body === undefined ? `<html>${status}</html>` : JSON.stringify(body))
    })
  })
  return { url: server.url, token: 'poor-token', users, groups, calls, close: server.close }
}

function list(all: readonly Attributes[], query: string, options: PoorScimOptions): Answer {
  const parameters = new URLSearchParams(query)
  const { filter = 'ignored' } = options
  if (parameters.has('filter') && filter === 'refused') return { status: 400 }
  const found = parameters.has('filter') && filter === 'empty' ? [] : all
  const start = Math.max(Number(parameters.get('startIndex') ?? 1), 1) - 1
  const count = Math.min(Number(parameters.get('count') ?? PAGE), PAGE)
  const Resources = found.slice(start, start + count)
  return {
    status: 200,
    body: { totalResults: found.length, ...(Resources.length > 0 && { Resources }) },
  }
}

function keep(kind: 'Users' | 'Groups', body: Attributes): Attributes {
  const kept: Attributes = {}
  for (const name of KEPT[kind]) if (body[name] !== undefined) kept[name] = body[name]
  if (kind === 'Users') kept['userName'] = String(body['userName']).toLowerCase()
  return kept
}

function isTaken(
  held: Map<string, Attributes>,
  made: Attributes,
  { isUnique = true }: PoorScimOptions,
): boolean {
  if (!isUnique) return false
  return [...held.values()].some(
    (one) =>
      one['id'] !== made['id'] &&
      ((made['userName'] !== undefined && one['userName'] === made['userName']) ||
        (made['userName'] === undefined && one['displayName'] === made['displayName'])),
  )
}
