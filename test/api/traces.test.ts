import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { startTestApi } from '../support/http.ts'
import { attributesOf, startOtlpCollector } from '../support/otlp-collector.ts'
import { waitUntil } from '../support/polling.ts'
import { createQueryRoute } from '../support/sample-routes.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const SERVER_KIND = 2
const ERROR_CODE = 2

const failing = createQueryRoute('/test/fails/{canary}', "select none, '987-65-4321'")

test('requests join the trace of their caller and tell template, status and request id', async () => {
  const collector = await startOtlpCollector()
  const api = await startTestApi({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/` },
    routes: [failing],
  })
  await api.call('/v1/audit?subject=canary-subject', {
    scope: 'audit:read',
    headers: { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'traced-1' },
  })
  await api.call('/test/fails/canary-path', { scope: '' })
  await api.call('/canary-unmatched')
  await api.close()
  await collector.close()
  const [audit, failed, unmatched] = collector.spans
  expect(collector.spans).toHaveLength(3)
  expect(audit).toMatchObject({ name: 'GET /v1/audit', kind: SERVER_KIND, parentSpanId: PARENT })
  expect(audit?.traceId).toBe(TRACE)
  expect(attributesOf(audit)).toEqual({
    'http.request.method': 'GET',
    'http.route': '/v1/audit',
    'http.response.status_code': 200,
    'registrar.request_id': 'traced-1',
  })
  expect(failed).toMatchObject({
    name: 'GET /test/fails/{canary}',
    status: { code: ERROR_CODE, message: '500' },
  })
  expect(failed?.traceId).not.toBe(TRACE)
  expect(unmatched).toMatchObject({ name: 'GET' })
  expect(collector.text()).not.toMatch(/canary-|987-65-4321|test-client|127\.0\.0\.1/)
})

test('a caller who does not keep its trace keeps ours from being sent', async () => {
  const collector = await startOtlpCollector()
  const api = await startTestApi({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
  await api.call('/v1/none', { headers: { traceparent: `00-${TRACE}-${PARENT}-00` } })
  await api.close()
  await collector.close()
  expect(collector.spans).toEqual([])
})

async function listenSilently(): Promise<Server> {
  const server = createServer((socket) => void socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('a collector that is away is logged once and keeps no request waiting', async () => {
  const port = await findFreePort()
  const api = await startTestApi({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
  })
  const countWarnings = (): number =>
    api.logLines.filter((line) => line.includes('Cannot send traces')).length
  const answers = Array.from({ length: 600 }, async () => await api.call('/healthz'))
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200]))
  await waitUntil('the outage is logged', async () => await Promise.resolve(countWarnings() > 0))
  await api.close()
  expect(countWarnings()).toBe(1)
})

test('a collector that never answers does not hold up a stop', async () => {
  const silent = await listenSilently()
  const { port } = silent.address() as { port: number } // it listens on TCP
  const api = await startTestApi({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
  })
  await api.call('/healthz')
  const startedAt = performance.now()
  await api.close()
  expect(performance.now() - startedAt).toBeLessThan(9_000)
  silent.close()
})
