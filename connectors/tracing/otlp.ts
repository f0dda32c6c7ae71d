import { setTimeout as delay } from 'node:timers/promises'
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Tracer,
} from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type IdGenerator,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import type { Logger } from '../../config/log.ts'
import { formatTraceparent, parseTraceparent } from '../../core/traceparent.ts'
import type { Span, SpanEnd, SpanStart, Tracing, TracingOptions } from './tracing.ts'

export type OtlpTracingOptions = TracingOptions & { readonly endpoint: string }

// With its retries: what cannot be sent by then is dropped.
const SEND_TIMEOUT_MS = 2_000
const KINDS = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL } as const

/**
 * Batches spans and sends them as JSON to `<endpoint>/v1/traces`. The standard variables
 * `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…` and `OTEL_EXPORTER_OTLP_HEADERS` count too.
 */
export function createOtlpTracing(options: OtlpTracingOptions): Tracing {
  const { endpoint, service, version, log } = options
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: SEND_TIMEOUT_MS,
  })
  const ids = createIdGenerator()
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor(reportOutages(exporter, log))],
    idGenerator: ids,
  })
  const tracer = provider.getTracer('registrar', version)
  return {
    startSpan(start) {
      ids.choose(start.spanId)
      return startSpan(tracer, start)
    },
    close: async () => await closeInTime(provider),
  }
}

function createIdGenerator(): IdGenerator & { choose: (spanId: string | undefined) => void } {
  const random = new RandomIdGenerator()
  let chosen: string | undefined
  return {
    choose: (spanId) => void (chosen = spanId),
    generateTraceId: () => random.generateTraceId(),
    generateSpanId: () => chosen ?? random.generateSpanId(),
  }
}

/** The same exporter, which logs the first failure of an outage. */
function reportOutages(exporter: SpanExporter, log: Logger): SpanExporter {
  let isAway = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS
        if (failed && !isAway) log.warn(describe(result.error), 'Cannot send traces; going on')
        isAway = failed
        done(result)
      })
    },
    shutdown: async () => await exporter.shutdown(),
    forceFlush: async () => await exporter.forceFlush?.(),
  }
}

// The message may hold an address or what the collector answered.
function describe(error: unknown): { readonly code: unknown } {
  return { code: error instanceof Error && 'code' in error ? error.code : undefined }
}

function startSpan(tracer: Tracer, start: SpanStart): Span {
  const { name, kind, attributes, startedAt } = start
  const options = { kind: KINDS[kind], attributes, ...(startedAt && { startTime: startedAt }) }
  const span = tracer.startSpan(name, options, toContext(start.parent))
  const { traceId, spanId, traceFlags } = span.spanContext()
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0
  return {
    traceparent: formatTraceparent({ traceId, spanId, sampled }),
    end(end: SpanEnd = {}) {
      if (end.name !== undefined) span.updateName(end.name)
      if (end.attributes) span.setAttributes(end.attributes)
      if (end.failure !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: end.failure })
      }
      span.end()
    },
  }
}

function toContext(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  if (!parent) return ROOT_CONTEXT
  const { traceId, spanId, sampled } = parent
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

async function closeInTime(provider: BasicTracerProvider): Promise<void> {
  const patience = new AbortController()
  const late = delay(SEND_TIMEOUT_MS, undefined, { signal: patience.signal }).catch(() => {})
  // A flush that fails was reported already.
  await Promise.race([provider.shutdown().catch(() => {}), late])
  patience.abort()
}
