import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startTestApi } from '../support/http.ts'
import { createQueryRoute } from '../support/sample-routes.ts'

type Attribute = {
  readonly key: string
  readonly value: { stringValue?: string; intValue?: number }
}
type ExportedSpan = {
  readonly name: string
  readonly traceId: string
  readonly attributes: Attribute[]
}
type Export = { resourceSpans: { scopeSpans: { spans: ExportedSpan[] }[] }[] }

/** An OTLP collector that keeps what it gets. */
class Collector {
  readonly spans: ExportedSpan[] = []
  text = ''
  readonly #server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => {
      body += part.toString()
    })
    request.on('end', () => {
      this.#keep(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  #keep(body: string): void {
    this.text += body
    const { resourceSpans } = JSON.parse(body) as Export
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans } of scopeSpans) this.spans.push(...spans)
    }
  }
}

test('requests join the trace of their caller and tell template, status and request id', async () => {
  const collector = new Collector()
  const endpoint = await collector.start()
  const api = await startTestApi({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    routes: [createQueryRoute('/test/fails/{canary}', "select '987-65-4321'::date")],
  })
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await api.call('/v1/audit?subject=canary-subject', {
    scope: 'audit:read',
    headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'traced-1' },
  })
  await api.call('/test/fails/canary-path', { scope: '' })
  await api.close()
  await collector.close()
  const audit = collector.spans.find(({ name }) => name === 'GET /v1/audit')
  expect(audit?.traceId).toBe(traceId)
  const attributes = (audit?.attributes ?? []).map(({ key, value }) => [
    key,
    Object.values(value)[0],
  ])
  expect(Object.fromEntries(attributes)).toMatchObject({
    'http.route': '/v1/audit',
    'http.response.status_code': 200,
    'registrar.request_id': 'traced-1',
  })
  expect(collector.spans.map(({ name }) => name)).toContain('GET /test/fails/{canary}')
  expect(collector.text).not.toMatch(/canary-subject|canary-path|987-65-4321|test-client/)
})
