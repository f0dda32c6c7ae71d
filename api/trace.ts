import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api'
import type { Context } from 'koa'
import { toAppError } from './problem.ts'

const TRACER = 'registrar-api'

/**
 * Runs a request inside a server span, joined to the caller's trace (W3C Trace Context). A span
 * holds templates, codes and ids, never what was sent. Costs next to nothing without a collector.
 */
export async function traceRequest(
  ctx: Context,
  route: string,
  work: () => Promise<void>,
): Promise<void> {
  const parent = propagation.extract(context.active(), ctx.req.headers)
  const attributes = {
    'http.request.method': ctx.method,
    'http.route': route,
    'registrar.request_id': String(ctx.state['requestId']),
  }
  const options = { kind: SpanKind.SERVER, attributes }
  const name = `${ctx.method} ${route}`
  await trace.getTracer(TRACER).startActiveSpan(name, options, parent, async (span) => {
    try {
      await work()
      end(span, { status: ctx.status })
    } catch (error) {
      const { status, code } = toAppError(error)
      end(span, { status, code })
      throw error
    }
  })
}

function end(span: Span, outcome: { readonly status: number; readonly code?: string }): void {
  span.setAttribute('http.response.status_code', outcome.status)
  if (outcome.code !== undefined) span.setAttribute('error.type', outcome.code)
  if (outcome.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}
