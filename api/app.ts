import { randomUUID } from 'node:crypto'
import Router from '@koa/router'
import Koa, { type Context, type Middleware, type Next } from 'koa'
import { AppError } from '../core/errors.ts'
import { createAddressReader } from './client-address.ts'
import { toMethodError } from './connections.ts'
import type { ApiContext } from './context.ts'
import { applyCors } from './cors.ts'
import { dispatch, type DispatchOptions } from './dispatch.ts'
import type { Route } from './guard.ts'
import { createOriginReader } from './origin.ts'
import { createProblemMiddleware } from './problem.ts'
import { createRateLimiter } from './rate-limit.ts'
import { startRequestSpan } from './request-span.ts'

export type App = {
  readonly koa: Koa
  /** The methods that a path takes, empty where it names nothing. */
  readonly methodsOf: (path: string) => readonly string[]
}

export type AppOptions = {
  readonly context: ApiContext
  readonly routes: readonly Route[]
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Builds the Koa application over a list of routes. */
export function createApp({ context, routes }: AppOptions): App {
  const koa = new Koa()
  koa.silent = true
  const options = createDispatchOptions(context)
  const router = createRouter(routes, options)
  const methodsOf = (path: string): string[] => listMethods(router, path)
  koa.use(identify(context))
  koa.use(createProblemMiddleware(context.log))
  koa.use(requireHost)
  koa.use(refuseOtherMethods(methodsOf))
  koa.use(router.routes())
  koa.use(answerOptions(methodsOf))
  return { koa, methodsOf }
}

function createDispatchOptions(context: ApiContext): DispatchOptions {
  const { rateLimitPerSecond, trustedProxies } = context.config.http
  const nowMs = (): number => context.clock().getTime()
  const addressOf = createAddressReader(trustedProxies)
  const originOf = createOriginReader(trustedProxies)
  return {
    context,
    tokens: context.tokens,
    failures: createRateLimiter(rateLimitPerSecond, nowMs),
    calls: createRateLimiter(rateLimitPerSecond, nowMs),
    addressOf: (ctx) => addressOf(ctx.req),
    originOf: (ctx) => originOf(ctx.req),
  }
}

function createRouter(routes: readonly Route[], options: DispatchOptions): Router {
  const router = new Router({ sensitive: true, strict: true })
  for (const route of routes) {
    const { spec } = route
    const path = spec.path.replaceAll(/\{(\w+)\}/g, ':$1')
    router.register(path, [spec.method], async (ctx: Context) => {
      ctx.state['route'] = spec.path
      if (spec.cors) applyCors(ctx, options.context.config.temporal.uiUrl)
      await dispatch(ctx, route, options)
    })
    if (spec.cors)
      router.register(path, ['OPTIONS'], (ctx: Context) => answerPreflight(ctx, options))
  }
  return router
}

function answerPreflight(ctx: Context, { context }: DispatchOptions): void {
  ctx.status = 204
  applyCors(ctx, context.config.temporal.uiUrl)
}

/** Names the request, sets what every answer carries, and measures it. */
function identify(context: ApiContext): Middleware {
  return async (ctx, next) => {
    const started = performance.now()
    const given = ctx.get('X-Request-Id')
    ctx.state['requestId'] = REQUEST_ID.test(given) ? given : randomUUID()
    ctx.set('X-Request-Id', String(ctx.state['requestId']))
    ctx.set('X-Content-Type-Options', 'nosniff')
    const endSpan = startRequestSpan(ctx, context.tracing)
    if (context.stopping.aborted) ctx.set('Connection', 'close')
    ctx.res.once('close', () => {
      const seconds = (performance.now() - started) / 1000
      const route = ctx.state['route'] as string | undefined // set by the router's handlers
      endSpan(route)
      context.metrics.observe({ method: ctx.method, route, status: ctx.res.statusCode, seconds })
      context.log.info(
        {
          requestId: String(ctx.state['requestId']),
          method: ctx.method,
          route: route ?? 'unmatched',
          status: ctx.res.statusCode,
          durationMs: Math.round(seconds * 1000),
        },
        'request answered',
      )
    })
    await next()
  }
}

/** RFC 9112 §3.2: HTTP/1.1 without `Host` is a 400. */
async function requireHost(ctx: Context, next: Next): Promise<void> {
  if (ctx.req.headers.host === undefined && ctx.req.httpVersion === '1.1') {
    throw new AppError('malformed_request', 'Cannot answer without a Host header', { status: 400 })
  }
  await next()
}

/** Keeps one path's last word, such as `query`, from being taken for another one's parameter. */
function refuseOtherMethods(methodsOf: App['methodsOf']): Middleware {
  return async (ctx, next) => {
    const methods = methodsOf(ctx.path)
    if (!methods.includes(ctx.method)) throw toMethodError(methods)
    await next()
  }
}

function answerOptions(methodsOf: App['methodsOf']): Middleware {
  return (ctx) => {
    ctx.set('Allow', methodsOf(ctx.path).join(', '))
    ctx.status = 204
  }
}

function listMethods(router: Router, path: string): string[] {
  if (!isDecodable(path)) return []
  const layers = router.match(path, 'GET').path
  const fewest = Math.min(...layers.map(({ paramNames }) => paramNames.length))
  const own = layers.filter(({ paramNames }) => paramNames.length === fewest)
  const methods = new Set(own.flatMap((layer) => layer.methods))
  if (methods.size > 0) methods.add('OPTIONS')
  return [...methods].toSorted()
}

// What is percent-encoded wrongly, or is no UTF-8 then, names nothing.
function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
