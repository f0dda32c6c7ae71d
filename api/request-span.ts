import type { Context } from 'koa'
import type { Tracing } from '../connectors/tracing/tracing.ts'

/**
 * Starts the span of a request, in the caller's trace where there is one, and returns what ends it.
 * It names the route's template, and so nobody.
 */
export function startRequestSpan(
  ctx: Context,
  tracing: Tracing | undefined,
): (route: string | undefined) => void {
  if (!tracing) return () => {}
  const { method } = ctx
  const span = tracing.startSpan({
    name: method,
    kind: 'server',
    parent: ctx.get('traceparent'),
    attributes: {
      'http.request.method': method,
      'registrar.request_id': String(ctx.state['requestId']),
    },
  })
  ctx.state['traceparent'] = span.traceparent
  return (route) => {
    const { statusCode } = ctx.res
    span.end({
      ...(route !== undefined && { name: `${method} ${route}` }),
      attributes: {
        'http.response.status_code': statusCode,
        ...(route !== undefined && { 'http.route': route }),
      },
      failure: statusCode >= 500 ? String(statusCode) : undefined,
    })
  }
}
