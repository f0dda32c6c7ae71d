import { startTestApi, type TestApi } from '../support/http.ts'
import { postNote } from '../support/sample-routes.ts'

const PER_SECOND = 5
let api: TestApi

beforeAll(async () => {
  api = await startTestApi({
    routes: [postNote],
    env: { RATE_LIMIT_PER_SECOND: String(PER_SECOND), TRUSTED_PROXIES: '127.0.0.0/8' },
  })
})
afterAll(async () => {
  await api.close()
})

async function burst(count: number, call: () => Promise<Response>): Promise<Response[]> {
  return await Promise.all(Array.from({ length: count }, call))
}

function countOf(responses: readonly Response[], status: number): number {
  return responses.filter((response) => response.status === status).length
}

async function callAs(subject: string, path: string): Promise<Response> {
  const token = await api.token('audit:read', { subject })
  return await api.call(path, { headers: { authorization: `Bearer ${token}` } })
}

test('a principal is limited per route, and told when to come back', async () => {
  const responses = await burst(40, async () => await callAs('busy', '/v1/audit'))
  expect(countOf(responses, 200)).toBeGreaterThanOrEqual(PER_SECOND)
  const limited = responses.find(({ status }) => status === 429)
  expect(limited?.headers.get('retry-after')).toBe('1')
  expect(await limited?.json()).toMatchObject({ code: 'rate_limited' })
  expect((await callAs('calm', '/v1/audit')).status).toBe(200)
})

test('health, metrics and docs are never limited', async () => {
  const responses = await burst(40, async () => await api.call('/healthz'))
  expect(countOf(responses, 200)).toBe(40)
})

test('failed tokens are limited per address behind trusted proxies', async () => {
  const failFrom = async (address: string): Promise<Response> =>
    await api.call('/v1/audit', {
      headers: { authorization: 'Bearer wrong', 'x-forwarded-for': `10.9.9.9, ${address}` },
    })
  const responses = await burst(40, async () => await failFrom('192.0.2.1'))
  expect(countOf(responses, 401)).toBeGreaterThanOrEqual(PER_SECOND)
  expect(countOf(responses, 429)).toBeGreaterThan(0)
  expect((await failFrom('192.0.2.2')).status).toBe(401)
})

test('a valid token passes from an address that failed too often', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.3' }
  const failed = await burst(40, async () => await api.call('/v1/audit', { headers }))
  expect(countOf(failed, 429)).toBeGreaterThan(0)
  expect((await api.call('/v1/audit', { headers, scope: 'audit:read' })).status).toBe(200)
})
