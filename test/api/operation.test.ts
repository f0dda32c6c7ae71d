import { startTestApi, type TestApi } from '../support/http.ts'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => {
  await api.close()
})

test('GET /healthz answers without a token', async () => {
  const response = await api.call('/healthz')
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok' })
})

test('GET /readyz names what cannot be reached', async () => {
  const response = await api.call('/readyz')
  expect(response.status).toBe(503)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({
    code: 'not_ready',
    checks: {
      postgres: { ok: true },
      migrations: { ok: true },
      temporal: { ok: false, code: 'temporal_unconfigured' },
      jwks: { ok: true },
    },
  })
})
