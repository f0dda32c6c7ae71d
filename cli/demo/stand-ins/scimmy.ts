import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import SCIMMY from 'scimmy'
import { startLocalServer } from './http-server.ts'
import type { DemoScim } from './scim.ts'
import { ScimStore } from './scim-store.ts'

type Stores = Readonly<Record<'User' | 'Group', ScimStore>>
type Attributes = Readonly<Record<string, unknown>>
type Answer = { readonly status: number; readonly body?: unknown }

/** What SCIMMY's handlers get of a resource. */
type Target = {
  readonly id?: string | undefined
  readonly filter?: { readonly match: (all: unknown[]) => unknown[] } | undefined
}

const BASE = '/scim/v2'
const MAX_RESULTS = 500
const MAX_OPERATIONS = 200
const MAX_PAYLOAD_BYTES = 1024 * 1024

/**
 * Starts a SCIM server without accounts: SCIMMY, which is not ours, has the protocol (schemas,
 * filters, PATCH, Bulk, lists, errors); routes and accounts in memory are ours.
 */
export async function startScimmy(): Promise<DemoScim> {
  declare()
  const token = randomBytes(24).toString('base64url')
  const stores: Stores = { User: new ScimStore('userName'), Group: new ScimStore('displayName') }
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { method = 'GET', url = '', headers } = request
    if (headers.authorization !== `Bearer ${token}`) throw new SCIMMY.Types.Error(401, '', 'Token')
    const hasBody = method !== 'GET' && method !== 'DELETE'
    const body = hasBody ? ((await json(request)) as Attributes) : undefined
    const { pathname, searchParams } = new URL(url.slice(BASE.length), 'http://scimmy')
    if (pathname === '/Bulk') return { status: 200, body: await applyBulk(body, stores) }
    const [, endpoint = '', id] = pathname.split('/')
    const query = id === undefined ? toQuery(searchParams) : decodeURIComponent(id)
    return await work({ endpoint, method, query, body }, stores)
  }
  const server = await startLocalServer((request, response) => {
    void answer(request)
      .catch((error: unknown) => toError(error))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/scim+json' })
        response.end(body === undefined ? undefined : JSON.stringify(body))
      })
  })
  return {
    url: `${server.url}${BASE}`,
    token,
    users: () => stores.User.list(),
    groups: () => stores.Group.list(),
    close: server.close,
  }
}

type Work = {
  readonly endpoint: string
  readonly method: string
  readonly query: string | Attributes
  readonly body: Attributes | undefined
}

async function work({ endpoint, method, query, body }: Work, stores: Stores): Promise<Answer> {
  if (endpoint === 'ServiceProviderConfig') {
    return { status: 200, body: await new SCIMMY.Resources.ServiceProviderConfig().read() }
  }
  const resources = { Users: SCIMMY.Resources.User, Groups: SCIMMY.Resources.Group }
  const Resource = Object.hasOwn(resources, endpoint)
    ? resources[endpoint as keyof typeof resources] // just looked at
    : undefined
  if (!Resource) throw new SCIMMY.Types.Error(404, '', 'Endpoint')
  // It takes a query as well as an id.
  const resource = new Resource(query as string)
  if (method === 'GET') return { status: 200, body: await resource.read(stores) }
  if (method === 'DELETE') {
    await resource.dispose(stores)
    return { status: 204 }
  }
  // Each of them checks what it is given.
  const message = body as never
  if (method !== 'PATCH') {
    const status = method === 'POST' ? 201 : 200
    return { status, body: await resource.write(message, stores) }
  }
  const patched: unknown = await resource.patch(message, stores)
  return patched === undefined ? { status: 204 } : { status: 200, body: patched }
}

async function applyBulk(body: Attributes | undefined, stores: Stores): Promise<unknown> {
  // It checks what it is given.
  const bulk = new SCIMMY.Messages.BulkRequest(body as never, MAX_OPERATIONS)
  return await bulk.apply(undefined, stores)
}

function toQuery(parameters: URLSearchParams): Attributes {
  const entries = [...parameters].map(([name, value]) =>
    name === 'startIndex' || name === 'count' ? [name, Number(value)] : [name, value],
  )
  return Object.fromEntries(entries) as Attributes
}

function toError(error: unknown): Answer {
  const known = error as { readonly status?: number; readonly scimType?: string }
  const { status = 500, scimType } = known
  return {
    status,
    body: new SCIMMY.Messages.ErrorResponse({ status, scimType, message: 'Error' } as never),
  }
}

let isDeclared = false

// SCIMMY is one per process: its handlers find the server's accounts in what they are passed.
function declare(): void {
  if (isDeclared) return
  isDeclared = true
  SCIMMY.Config.set({
    patch: true,
    filter: { supported: true, maxResults: MAX_RESULTS },
    bulk: {
      supported: true,
      maxOperations: MAX_OPERATIONS,
      maxPayloadSize: MAX_PAYLOAD_BYTES,
    },
  })
  const users = SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false)
  for (const [name, resource] of [
    ['User', users],
    ['Group', SCIMMY.Resources.Group],
  ] as const) {
    SCIMMY.Resources.declare(resource as typeof SCIMMY.Resources.User)
      .ingress(
        (target: Target, instance: unknown, stores: Stores) =>
          put(stores[name], target, instance) as never,
      )
      .egress((target: Target, stores: Stores) => read(stores[name], target) as never)
      .degress((target: Target, stores: Stores) => remove(stores[name], target))
  }
}

function put(store: ScimStore, { id }: Target, instance: unknown): Attributes {
  if (id !== undefined && !store.get(id)) throw new SCIMMY.Types.Error(404, '', 'Resource')
  // A plain copy of what is a schema's instance.
  const attributes = JSON.parse(JSON.stringify(instance)) as Attributes
  const kept = id === undefined ? store.create(attributes) : store.replace(id, attributes)
  if (!kept) throw new SCIMMY.Types.Error(409, 'uniqueness', 'Taken')
  return kept
}

function read(store: ScimStore, { id, filter }: Target): unknown {
  if (id === undefined) return filter ? filter.match(store.list()) : store.list()
  const held = store.get(id)
  if (!held) throw new SCIMMY.Types.Error(404, '', 'Resource')
  return held
}

function remove(store: ScimStore, { id = '' }: Target): void {
  if (!store.delete(id)) throw new SCIMMY.Types.Error(404, '', 'Resource')
}
