import { context, propagation, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

export type TracingOptions = {
  /** The collector's base URL (OTLP over HTTP); undefined: no traces. */
  readonly endpoint: string | undefined
  /** The process: `registrar-api`, `registrar-worker`. */
  readonly service: string
}

export type Tracing = {
  /** Sends what is left, as far as the collector takes it, and stops. */
  readonly close: () => Promise<void>
}

const TRACES_PATH = '/v1/traces'

/**
 * Sends the process's spans to a collector; the first call in a process counts. Without an endpoint
 * spans are not even made.
 */
export function startTracing({ endpoint, service }: TracingOptions): Tracing {
  if (endpoint === undefined) return { close: async () => await Promise.resolve() }
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}${TRACES_PATH}` })
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  provider.register()
  return {
    async close() {
      trace.disable()
      context.disable()
      propagation.disable()
      // A collector that is away must not keep the process.
      await provider.shutdown().catch(() => {})
    },
  }
}
