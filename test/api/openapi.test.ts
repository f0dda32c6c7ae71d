import { z } from 'zod'
import type { Route } from '../../api/guard.ts'
import { listGuardErrors } from '../../api/openapi-responses.ts'
import { createRoutes } from '../../api/routes.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

type Parameter = {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly example?: unknown
}
type Operation = {
  readonly operationId: string
  readonly security: readonly Record<string, readonly string[]>[]
  readonly parameters?: readonly Parameter[]
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: object }>
  >
}
type Document = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

// What the specification leaves open to everybody.
const OPEN_PATHS = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/docs/temporal-ui',
  '/docs/{asset}',
  '/.well-known/mozilla-iam',
  '/.well-known/profile.schema',
  '/.well-known/mozilla-iam-publisher-rules',
]
// A signature is what authorizes them: of the form, of the message.
const SIGNED_PATHS = ['/v1/blobs', '/webhooks/clever/{tenantId}', '/webhooks/classlink/{tenantId}']

const specs = createRoutes().map(({ spec }) => spec)
let api: TestApi
let document: Document

beforeAll(async () => {
  api = await startTestApi()
  document = (await (await api.call('/openapi.json')).json()) as Document
})
afterAll(async () => {
  await api.close()
})

function listExampleFaults(spec: Route['spec']): unknown[] {
  const { body, responses } = spec
  const documented = [...Object.values(responses), ...(body?.kind === 'json' ? [body] : [])]
  return documented.flatMap(({ schema, example }) => {
    const fault = example === undefined ? undefined : schema?.safeParse(example).error
    return fault ? [fault.message] : []
  })
}

function operationOf({ method, path }: Pick<Route['spec'], 'method' | 'path'>): Operation {
  const operation = document.paths[path]?.[method.toLowerCase()]
  if (!operation) throw new Error(`Cannot find ${method} ${path} in the document`)
  return operation
}

test('the document is OpenAPI 3.1 and has every route once', () => {
  expect(document.openapi).toMatch(/^3\.1\./)
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  expect(operations).toHaveLength(specs.length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(specs.length)
})

test('every reference resolves', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
  for (const [, pointer = ''] of references) {
    const target = pointer
      .split('/')
      .reduce<unknown>(
        (node, key) => (node as Record<string, unknown> | undefined)?.[key],
        document,
      )
    expect(target).toBeDefined()
  }
})

test.each(specs.map((spec) => [`${spec.method} ${spec.path}`, spec] as const))(
  '%s names every status, path parameter and scope, and its examples hold',
  (_, spec) => {
    const operation = operationOf(spec)
    const own = [...Object.keys(spec.responses), ...Object.keys(spec.errors ?? {})]
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining([...own, ...Object.keys(listGuardErrors(spec))]),
    )
    const inPath = [...spec.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(new Set(declared.map(({ name }) => name))).toEqual(new Set(inPath))
    expect(listExampleFaults(spec)).toEqual([])
    const path = Object.fromEntries(declared.map(({ name, example }) => [name, String(example)]))
    expect(spec.params?.safeParse(path).error).toBeUndefined()
  },
)

test('a parameter that is demanded is marked so, also one that is read as a number', () => {
  const [sequenceNumber] = operationOf({ method: 'GET', path: '/v2/status' }).parameters ?? []
  expect(sequenceNumber).toMatchObject({ name: 'sequenceNumber', required: true })
  const [limit] = operationOf({ method: 'GET', path: '/v1/audit' }).parameters ?? []
  expect(limit).toMatchObject({ name: 'limit', required: false })
})

test.each(specs.map((spec) => [`${spec.method} ${spec.path}`, spec] as const))(
  '%s asks for a token unless it is open to everybody',
  async (_, spec) => {
    const isOpen = [...OPEN_PATHS, ...SIGNED_PATHS].includes(spec.path)
    expect(operationOf(spec).security.length === 0).toBe(isOpen)
    if (isOpen) return
    const path = spec.path.replaceAll(/\{\w+\}/g, '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e90')
    const response = await api.call(path, { method: spec.method })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  },
)

test.each(Object.keys(Object.fromEntries(specs.map(({ path }) => [path, true]))))(
  '%s answers other methods with 405 and Allow',
  async (path) => {
    const methods = specs.filter((spec) => spec.path === path).map(({ method }) => String(method))
    const other = ['GET', 'PUT', 'PATCH', 'DELETE'].find((method) => !methods.includes(method))
    const target = path.replaceAll(/\{\w+\}/g, 'start.js')
    const response = await api.call(target, { method: other ?? 'PUT' })
    expect(response.status).toBe(405)
    const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
    expect(response.headers.get('allow')).toBe(allowed.toSorted().join(', '))
  },
)

test('the schema of a stream is left to its events', () => {
  const { responses } = operationOf({ method: 'GET', path: '/v1/uploads/{uploadId}/events' })
  expect(responses).toMatchObject({ 200: { content: { 'text/event-stream': {} } } })
  expect(responses).not.toHaveProperty(['200', 'content', 'text/event-stream', 'schema'])
})

test('schemas for callers are those that the guard checks', () => {
  const query = operationOf({ method: 'GET', path: '/v1/audit' }).parameters ?? []
  expect(query.map(({ name }) => name)).toEqual(['limit', 'cursor', 'after', 'subject'])
  expect(
    z.object({ schema: z.object({ maximum: z.literal(100) }) }).safeParse(query[0]).success,
  ).toBe(true)
})

test.each([
  '/docs',
  '/docs/temporal-ui',
  '/docs/start.js',
  '/docs/swagger-ui.css',
  '/docs/swagger-ui-bundle.js',
  '/docs/temporal-ui.js',
  '/docs/favicon-32x32.png',
])('%s is served from here under a strict policy', async (path) => {
  const response = await api.call(path)
  expect(response.status).toBe(200)
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toContain('unsafe-eval')
  const body = await response.text()
  if (path.endsWith('.js') || path.endsWith('.css')) return
  expect(body).not.toMatch(/<script>|https?:\/\/| on\w+=/)
})

test.each(['/docs/../package.json', '/docs/package.json', '/docs/..%2fpackage.json', '/docs/'])(
  '%s is not served',
  async (path) => {
    expect((await fetch(`${api.url}${path}`)).status).toBe(404)
  },
)

test('metrics have durations by path template and name no caller', async () => {
  const id = '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e91'
  await api.call(`/v1/uploads/${id}`, { scope: 'aslp/al.write' })
  const response = await api.call('/metrics')
  expect(response.headers.get('content-type')).toContain('text/plain')
  const text = await response.text()
  expect(text).toContain('route="/v1/uploads/{uploadId}"')
  expect(text).toContain('postgres_pool_connections{state="idle"}')
  expect(text).toContain('process_cpu_seconds_total')
  expect(text).not.toContain(id)
  expect(text).not.toContain('test-client')
})
