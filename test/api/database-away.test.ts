import { startTestApi, type TestApi } from '../support/http.ts'
import { createQueryRoute, postNote } from '../support/sample-routes.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

let proxy: TcpProxy
let api: TestApi

beforeAll(async () => {
  const { hostname, port } = new URL(process.env['TEST_POSTGRES_URL'] ?? '')
  proxy = await TcpProxy.start({ host: hostname, port: Number(port) })
  api = await startTestApi({
    routes: [postNote, createQueryRoute('/test/sleep', 'select pg_sleep(60)')],
    limits: { statementMs: 1_500 },
    rewriteDatabaseUrl(url) {
      const behind = new URL(url)
      behind.port = String(proxy.port)
      return behind.href
    },
  })
})
afterEach(() => {
  proxy.restore()
})
afterAll(async () => {
  await api.close()
  await proxy.close()
})

const AWAY = { status: 503, code: 'database_unavailable', mayRetry: true, isInTime: true }

async function outcomeOf(call: Promise<Response>): Promise<object> {
  const started = performance.now()
  const response = await call
  const isInTime = performance.now() - started < 30_000
  const { code } = (await response.json()) as { code: string }
  const mayRetry = /^\d+$/.test(response.headers.get('retry-after') ?? '')
  return { status: response.status, code, mayRetry, isInTime }
}

test('requests get a 503 while PostgreSQL is gone, and answers once it is back', async () => {
  expect((await api.call('/v1/audit', { scope: 'audit:read' })).status).toBe(200)
  proxy.cut()
  expect(await outcomeOf(api.call('/v1/audit', { scope: 'audit:read' }))).toEqual(AWAY)
  const post = outcomeOf(
    api.call('/test/notes/al', {
      method: 'POST',
      scope: 'al/note.write',
      headers: { 'idempotency-key': 'away' },
      json: { text: 'a' },
    }),
  )
  expect(await post).toEqual(AWAY)
  const readiness = await api.call('/readyz')
  expect(await readiness.json()).toMatchObject({ checks: { postgres: { ok: false } } })
  proxy.restore()
  expect((await api.call('/v1/audit', { scope: 'audit:read' })).status).toBe(200)
})

test('a connection that breaks in the middle of a query is a 503', async () => {
  const outcome = outcomeOf(api.call('/test/sleep', { scope: '' }))
  setTimeout(() => proxy.cut(), 300)
  expect(await outcome).toEqual(AWAY)
})

test('a PostgreSQL that hangs costs a 503 in time', async () => {
  expect((await api.call('/v1/audit', { scope: 'audit:read' })).status).toBe(200)
  proxy.stall()
  const readiness = await api.call('/readyz')
  expect(readiness.status).toBe(503)
  expect(await outcomeOf(api.call('/v1/audit', { scope: 'audit:read' }))).toEqual(AWAY)
})

test('a statement that runs too long is a 503', async () => {
  expect(await outcomeOf(api.call('/test/sleep', { scope: '' }))).toEqual(AWAY)
})
