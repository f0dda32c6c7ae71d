import type { Route } from './guard.ts'
import { describeParameters } from './openapi-parameters.ts'
import { describeResponses } from './openapi-responses.ts'
import { describeSchema } from './openapi-schema.ts'

type Spec = Route['spec']
type Json = Readonly<Record<string, unknown>>

const DESCRIPTION =
  'Every error is application/problem+json (RFC 9457) with a stable `code`. Every answer carries ' +
  'X-Request-Id. Creating POSTs take Idempotency-Key. Lists are paged by `cursor`, see `Link`.'

/** The OpenAPI 3.1 document of the routes: what the guard checks is what it says. */
export function createOpenApi(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { spec } of routes) {
    const path = (paths[spec.path] ??= {})
    path[spec.method.toLowerCase()] = describeOperation(spec)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Registrar', version: '1', description: DESCRIPTION, license: LICENSE },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.flatMap(({ spec }) => spec.tags))].map((name) => ({ name })),
    paths,
    components: { securitySchemes: SECURITY_SCHEMES, schemas: { Problem: PROBLEM } },
  }
}

const LICENSE = { name: 'Apache-2.0', identifier: 'Apache-2.0' }

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token (RFC 9068) of a configured issuer; `registrar token` prints one',
  },
  tokenHook: {
    type: 'http',
    scheme: 'bearer',
    description: 'The shared secret of identity providers, TOKEN_HOOK_SECRET',
  },
}

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string' },
    instance: { type: 'string', format: 'uri-reference' },
    code: { type: 'string', description: 'Stable, for programs' },
    errors: {
      description: 'The faults one by one; some operations have a shape of their own',
      oneOf: [
        {
          type: 'array',
          items: {
            type: 'object',
            required: ['pointer', 'code', 'detail'],
            properties: {
              pointer: { type: 'string', description: 'JSON pointer (RFC 6901)' },
              code: { type: 'string' },
              detail: { type: 'string' },
            },
          },
        },
        { type: 'object' },
      ],
    },
    requestId: { type: 'string', description: 'The same as X-Request-Id' },
  },
}

function describeOperation(spec: Spec): Json {
  const parameters = describeParameters(spec)
  return {
    operationId: spec.operationId,
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    tags: spec.tags,
    security: describeSecurity(spec),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(spec.body ? { requestBody: describeBody(spec.body) } : {}),
    responses: describeResponses(spec),
  }
}

function describeSecurity({ auth }: Spec): Json[] {
  if (auth === 'public') return []
  if (auth === 'token-hook') return [{ tokenHook: [] }]
  if (auth === 'token') return [{ bearer: [] }]
  return auth.anyScope.map((scope) => ({ bearer: [scope] }))
}

function describeBody(body: NonNullable<Spec['body']>): Json {
  if (body.kind === 'json') {
    const schema = describeSchema(body.schema, 'input')
    const example = body.example === undefined ? {} : { example: body.example }
    const required = body.optional !== true
    return { required, content: { 'application/json': { schema, ...example } } }
  }
  const schema = { type: 'string', contentEncoding: 'binary' }
  const content = body.contentTypes.map((type) => [type, { schema }])
  return { required: true, description: body.description, content: Object.fromEntries(content) }
}
