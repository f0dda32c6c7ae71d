import type { Logger } from '../../config/log.ts'

/** Never personal data: neither addresses, subjects, path parameters nor queries. */
export type SpanAttributes = Readonly<Record<string, string | number>>

export type SpanStart = {
  readonly name: string
  /** `server`: answers a request. */
  readonly kind: 'server' | 'internal'
  /** The `traceparent` of the cause; without a valid one a trace begins. */
  readonly parent?: string | undefined
  readonly attributes: SpanAttributes
  /** Random unless said. */
  readonly spanId?: string
  /** Now unless said. */
  readonly startedAt?: Date
}

export type SpanEnd = {
  /** In place of the name that it was started with. */
  readonly name?: string
  readonly attributes?: SpanAttributes
  /** The code of what went wrong. */
  readonly failure?: string | undefined
}

export type Span = {
  /** For what it causes. */
  readonly traceparent: string
  readonly end: (end?: SpanEnd) => void
}

/** Sends spans to a collector in the background: nothing waits for it or fails with it. */
export type Tracing = {
  readonly startSpan: (start: SpanStart) => Span
  /** Sends what is left, for 2 s at most. */
  readonly close: () => Promise<void>
}

export type TracingOptions = {
  /** Of a collector that speaks OTLP over HTTP, such as `http://127.0.0.1:4318`. */
  readonly endpoint: string | undefined
  /** The process, such as `registrar-api`. */
  readonly service: string
  readonly version: string
  readonly log: Logger
}

/** Starts tracing; without an endpoint there is none, and nothing of it is loaded. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { endpoint, ...others } = options
  if (endpoint === undefined) return undefined
  const { createOtlpTracing } = await import('./otlp.ts')
  return createOtlpTracing({ ...others, endpoint })
}
