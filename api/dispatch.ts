import { Readable } from 'node:stream'
import type { Context } from 'koa'
import {
  assertScope,
  assertTenant,
  assertTokenHook,
  authenticate,
  type AuthenticationOptions,
} from './authenticate.ts'
import type { ApiContext } from './context.ts'
import { isAllowedOrigin, SESSION_COOKIE } from './cors.ts'
import type { Reply, Route, RouteAuth, RouteRequest, RouteSpec } from './guard.ts'
import { runIdempotently } from './idempotency.ts'
import { principalKey, type Principal } from './principal.ts'
import { assertWithinRate, type RateLimiter } from './rate-limit.ts'
import { assertMediaType, DEFAULT_LIMIT_BYTES, readBody } from './read-body.ts'
import { parseStrictJson } from './strict-json.ts'
import { validateBody, validateParams, validateQuery } from './validate.ts'

export type DispatchOptions = AuthenticationOptions & {
  readonly context: ApiContext
  /** Calls per principal and route. */
  readonly calls: RateLimiter
  readonly addressOf: (ctx: Context) => string
  readonly originOf: (ctx: Context) => string
}

type AnySpec = Route['spec']
type AnyRequest = RouteRequest<AnySpec['auth'], unknown, unknown, unknown>

/** Carries one request through its route's guard, in the order in which refusals are due, to the handler. */
export async function dispatch(
  ctx: Context,
  route: Route,
  options: DispatchOptions,
): Promise<void> {
  const { spec } = route
  ctx.state['errorStyle'] = spec.errorStyle
  const principal = await identify(ctx, spec, options)
  const params = spec.params ? validateParams(spec.params, routeParams(ctx)) : {}
  if (principal && spec.ofTenant) assertTenant(principal, params)
  if (principal && isForTokens(spec.auth)) assertScope(principal, spec.auth, params)
  const { requestId } = ctx.state as { requestId: string } // set with the request's answer
  await spec.precondition?.({ params, requestId, stream: ctx.req }, options.context)
  const search = new URLSearchParams(ctx.querystring)
  const strict = spec.method !== 'GET' || spec.strictQuery === true
  const query = validateQuery(spec.query, search, { strict })
  const { bytes, body } = await takeBody(ctx, spec)
  const parsed = { principal, params, query, body }
  const reply = await runIdempotently(
    options.context,
    {
      key: spec.idempotent ? headerOf(ctx, 'idempotency-key') : undefined,
      principal: principal ? principalKey(principal) : options.addressOf(ctx),
      route: routeName(spec),
      content: [ctx.originalUrl, bytes],
      isSecret: spec.answersSecret === true,
    },
    async (settle) =>
      await route.handle(createRequest(ctx, { ...parsed, settle }, options), options.context),
  )
  send(ctx, reply)
}

async function identify(
  ctx: Context,
  spec: AnySpec,
  options: DispatchOptions,
): Promise<Principal | undefined> {
  if (spec.auth === 'public') return undefined
  ctx.set('Cache-Control', 'no-store')
  const address = options.addressOf(ctx)
  const { authorization } = ctx.req.headers
  if (spec.auth === 'token-hook') {
    const secret = options.context.config.tokenHookSecret
    assertTokenHook({ authorization, address }, { failures: options.failures, secret })
    return undefined
  }
  const cookieToken = spec.cors ? readSession(ctx, options) : undefined
  const bearer = await authenticate({ authorization, cookieToken, address }, options)
  const principal = await options.context.staff.resolve(bearer)
  if (spec.rateLimited !== false) {
    assertWithinRate(options.calls, `${principalKey(principal)} ${routeName(spec)}`)
  }
  return principal
}

function isForTokens(auth: RouteAuth): auth is Exclude<RouteAuth, 'public' | 'token-hook'> {
  return auth !== 'public' && auth !== 'token-hook'
}

// Cookies travel by themselves: they count only on calls that the configured UI makes.
function readSession(ctx: Context, { context }: DispatchOptions): string | undefined {
  const { uiUrl } = context.config.temporal
  if (!isAllowedOrigin(ctx.req.headers.origin, uiUrl)) return undefined
  return ctx.cookies.get(SESSION_COOKIE)
}

async function takeBody(
  ctx: Context,
  spec: AnySpec,
): Promise<{ bytes: Uint8Array; body: unknown }> {
  const none = { bytes: new Uint8Array(), body: undefined }
  if (!spec.body) return none
  if (spec.body.kind === 'stream') {
    if (!spec.body.anyContentType) assertMediaType(ctx.req, spec.body.contentTypes)
    return none
  }
  if (spec.body.optional && isWithoutBody(ctx)) {
    return { bytes: none.bytes, body: validateBody(spec.body.schema, {}) }
  }
  assertMediaType(ctx.req, ['application/json'])
  const bytes = await readBody(ctx.req, spec.body.limitBytes ?? DEFAULT_LIMIT_BYTES)
  return { bytes, body: validateBody(spec.body.schema, parseStrictJson(bytes)) }
}

// RFC 9112 §6: neither header means that there is none.
function isWithoutBody({ req }: Context): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers
  return encoding === undefined && (length === undefined || Number(length) === 0)
}

type ParsedRequest = Pick<AnyRequest, 'principal' | 'params' | 'query' | 'body' | 'settle'>

function createRequest(
  ctx: Context,
  parsed: ParsedRequest,
  { addressOf, originOf, context }: DispatchOptions,
): AnyRequest {
  const requestId = String(ctx.state['requestId'])
  let signal: AbortSignal | undefined
  return {
    ...parsed,
    requestId,
    traceparent: ctx.state['traceparent'] as string | undefined, // set with the request's id
    url: ctx.originalUrl,
    headers: ctx.req.headers,
    stream: ctx.req,
    // Most handlers need none of these, and each costs as much as the rest.
    get address() {
      return addressOf(ctx)
    },
    get origin() {
      return originOf(ctx)
    },
    get signal() {
      return (signal ??= abortOnClose(ctx))
    },
    get log() {
      return context.log.child({ requestId })
    },
  }
}

function send(ctx: Context, reply: Reply): void {
  ctx.status = reply.status
  for (const [name, value] of Object.entries(reply.headers ?? {})) ctx.set(name, value)
  const { body } = reply
  if (body === undefined) {
    ctx.body = null
    ctx.status = reply.status
    return
  }
  if (typeof body === 'string' || Buffer.isBuffer(body) || body instanceof Readable) {
    ctx.body = body
    return
  }
  ctx.body = JSON.stringify(body)
  if (reply.headers?.['Content-Type'] === undefined) ctx.set('Content-Type', 'application/json')
}

function abortOnClose(ctx: Context): AbortSignal {
  const controller = new AbortController()
  ctx.res.once('close', () => controller.abort())
  return controller.signal
}

function headerOf(ctx: Context, name: string): string | undefined {
  const value = ctx.req.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function routeName(spec: Pick<RouteSpec<never, never, never, never>, 'method' | 'path'>): string {
  return `${spec.method} ${spec.path}`
}

function routeParams(ctx: Context): Readonly<Record<string, string>> {
  return (ctx as Context & { params: Record<string, string> }).params // set by the router
}
