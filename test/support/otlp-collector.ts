import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ExportedSpan = {
  readonly name: string
  /** 2: server. */
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: readonly Attribute[]
  /** Code 2: an error. */
  readonly status: { readonly code: number; readonly message?: string }
}

export type OtlpCollector = {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string
  /** What has arrived. */
  readonly spans: readonly ExportedSpan[]
  /** The same as it was sent. */
  readonly text: () => string
  readonly close: () => Promise<void>
}

type Attribute = {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number }
}
type Export = {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[]
  }[]
}

/** Starts an OTLP/HTTP receiver that keeps the spans sent to it as JSON. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: ExportedSpan[] = []
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      bodies.push(body)
      if (request.url === '/v1/traces') spans.push(...listSpans(JSON.parse(body) as Export))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    text: () => bodies.join('\n'),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
    },
  }
}

/** A span's attributes by name. */
export function attributesOf(span: ExportedSpan | undefined): Record<string, unknown> {
  const entries = (span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]])
  return Object.fromEntries(entries) as Record<string, unknown>
}

function listSpans({ resourceSpans }: Export): ExportedSpan[] {
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
}
