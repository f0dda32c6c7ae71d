import { fc } from './properties.ts'
import { z } from 'zod'
import type { Route } from '../../api/guard.ts'
import { describeResponses } from '../../api/openapi-responses.ts'
import { createRoutes } from '../../api/routes.ts'
import { startTestApi, type TestApi } from './http.ts'
import { addProvider, createTenantCaller } from './rosters.ts'

type Spec = Route['spec']

const SCOPES = [
  'aslp/al.write aslp/write aslp/readGeneral aslp/aslp.readPrivate aslp/aslp.readSSN',
  'aslp/aslp.admin aslp/admin audit:read codec:read upload:write',
  'user:read user:write user:authn user:register approval:vote',
  'roster:read roster:sync roster:admin roster:approve',
].join(' ')
// Each asks for a part that these tests go without.
const EXPECTED_503 = ['GET /readyz']
const TENANT = 'spring-valley'

const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  requestId: z.string(),
})

let api: TestApi
let token: string
// Ids of what is there.
let known: Readonly<Record<string, string>> = {}

const junk = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    'null',
    '%00',
    '../..',
    'aslp',
    'al',
    "' or 1=1 --",
    '\u{1f600}',
  ),
  fc.uuid(),
)
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
  fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 3 }),
)

function arbitraryRequest(spec: Spec): fc.Arbitrary<{ path: string; body: unknown }> {
  const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const query = fc.dictionary(
    fc.constantFrom(...Object.keys(spec.query?.shape ?? {}), 'more'),
    junk,
  )
  return fc.record({
    path: fc
      .tuple(
        fc.record(Object.fromEntries(names.map((name) => [name, arbitraryParameter(name)]))),
        query,
      )
      .map(([params, search]) => toPath(spec.path, params, search)),
    body: fc.oneof(json, mutated(spec)),
  })
}

// Mostly right ones, so that requests get past the first check.
function arbitraryParameter(name: string): fc.Arbitrary<string> {
  const right = {
    compact: 'aslp',
    jurisdiction: 'al',
    asset: 'start.js',
    tenantId: TENANT,
    ...known,
  }[name]
  return fc.oneof(
    { weight: 4, arbitrary: right === undefined ? fc.uuid() : fc.constant(right) },
    { weight: 1, arbitrary: junk },
  )
}

/** The documented example with one member changed. */
function mutated(spec: Spec): fc.Arbitrary<unknown> {
  const example: unknown = spec.body?.kind === 'json' ? (spec.body.example ?? {}) : {}
  return fc.tuple(fc.nat(), fc.jsonValue()).map(([seed, value]) => replaceOne(example, seed, value))
}

function replaceOne(node: unknown, seed: number, value: unknown): unknown {
  if (typeof node !== 'object' || node === null) return value
  const entries = Object.entries(node)
  const chosen = entries[seed % Math.max(1, entries.length)]
  if (!chosen || seed % 7 === 0) return value
  const [key, child] = chosen
  const copy: unknown = Array.isArray(node) ? [...node] : { ...node }
  Object.assign(copy as object, { [key]: replaceOne(child, Math.floor(seed / 3), value) })
  return copy
}

function toPath(
  template: string,
  params: Record<string, string>,
  search: Record<string, string>,
): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )
  return `${path}?${new URLSearchParams(search).toString()}`
}

/** What is wrong with an answer to `spec`; undefined when it is documented and well formed. */
async function findFault(spec: Spec, response: Response): Promise<string | undefined> {
  const { status } = response
  const documented = Object.keys(describeResponses(spec))
  if (!documented.includes(String(status))) return `${status} is not documented`
  const name = `${spec.method} ${spec.path}`
  if (status >= 500 && !EXPECTED_503.includes(name)) return `${status}: ${await response.text()}`
  const type = response.headers.get('content-type') ?? ''
  if (status >= 400) {
    if (type !== 'application/problem+json') return `${status} is ${type}`
    return problem.safeParse(await response.json()).error?.message
  }
  const { schema } = spec.responses[status] ?? {}
  return schema?.safeParse(await response.json()).error?.message
}

/** Registers a test for each route: requests of every form are answered as documented, `runs` of them. */
export function fuzzEveryRoute(runs: number): void {
  beforeAll(async () => {
    api = await startTestApi()
    token = await api.token(SCOPES, { tenant: TENANT })
  })
  beforeEach(async () => {
    const call = createTenantCaller(api, TENANT)
    const isThere = await call(`/tenants/${TENANT}/providers/${known['providerId'] ?? 'none'}`)
    if (isThere.ok) return
    const providerId = await addProvider(call, TENANT)
    const start = await call(`/sync/${TENANT}/start`, { method: 'POST', json: { providerId } })
    const { syncId } = (await start.json()) as { syncId: string }
    known = { providerId, syncId }
  })
  afterAll(async () => {
    await api.close()
  })

  test.each(
    createRoutes()
      .map(({ spec }) => spec)
      // `fetch` sends no body with a GET.
      .filter(({ method, body }) => method !== 'GET' || body === undefined)
      .filter(({ responses }) => responses[200]?.contentType !== 'text/event-stream')
      .map((spec) => [`${spec.method} ${spec.path}`, spec] as const),
  )('%s answers anything with what is documented', async (_, spec) => {
    await fc.assert(
      fc.asyncProperty(arbitraryRequest(spec), async ({ path, body }) => {
        const type = spec.body?.kind === 'stream' ? spec.body.contentTypes[0] : 'application/json'
        const headers = {
          authorization: `Bearer ${token}`,
          ...(spec.body && type ? { 'content-type': type } : {}),
        }
        const response = await api.call(path, {
          method: spec.method,
          headers,
          ...(spec.body ? { body: JSON.stringify(body) } : {}),
        })
        expect(await findFault(spec, response)).toBeUndefined()
      }),
      { numRuns: runs },
    )
  })
}
