import { runInNewContext } from 'node:vm'
import { createPayloadCodec } from '../../crypto/payload-codec.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

const UI = 'http://127.0.0.1:18233'
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('{"uploadId":"u1"}') }

let api: TestApi
let encrypted: { metadata: Record<string, string>; data: string }

beforeAll(async () => {
  api = await startTestApi({ env: { TEMPORAL_UI_URL: `${UI}/namespaces` } })
  const codec = createPayloadCodec({ ring: api.ring, namespace: 'default' })
  const [payload] = await codec.encode([
    { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"uploadId":"u1"}') },
  ])
  encrypted = {
    metadata: Object.fromEntries(
      Object.entries(payload?.metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)]),
    ),
    data: base64(payload?.data ?? ''),
  }
})
afterAll(async () => {
  await api.close()
})

function base64(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

async function decode(
  headers: Record<string, string>,
  payloads: readonly unknown[] = [encrypted],
): Promise<Response> {
  // As the Temporal UI sends it.
  return await api.call('/v1/codec/decode?preserveStorageRefs=true', {
    method: 'POST',
    headers: { 'x-namespace': 'default', ...headers },
    json: { payloads },
  })
}

async function bearer(scope = 'codec:read'): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await api.token(scope)}` }
}

test('payloads are decrypted with a token, in order, and those of others pass through', async () => {
  const other = { metadata: { encoding: base64('json/plain') }, data: base64('"plain"') }
  const response = await decode(await bearer(), [encrypted, other, {}])
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    payloads: [PLAIN, other, { metadata: {}, data: '' }],
  })
})

test('payloads are not decrypted without a token or its scope', async () => {
  expect((await decode({})).status).toBe(401)
  expect((await decode(await bearer('upload:write'))).status).toBe(403)
})

test('what is encoded can be decoded', async () => {
  const headers = await bearer()
  const encoded = await api.call('/v1/codec/encode', {
    method: 'POST',
    headers,
    json: { payloads: [PLAIN] },
  })
  const { payloads } = (await encoded.json()) as { payloads: unknown[] }
  expect(JSON.stringify(payloads)).not.toContain(PLAIN.data)
  expect(await (await decode(headers, payloads)).json()).toEqual({ payloads: [PLAIN] })
})

test('an altered payload and one of an unknown key are a 422', async () => {
  const altered = { ...encrypted, data: base64('x'.repeat(64)) }
  const short = { ...encrypted, data: base64('x') }
  const unknown = {
    ...encrypted,
    metadata: { ...encrypted.metadata, 'encryption-key-id': base64('gone') },
  }
  for (const payload of [altered, short, unknown]) {
    expect((await decode(await bearer(), [payload])).status).toBe(422)
  }
})

test('the UI alone may call from another origin', async () => {
  const preflight = async (origin: string): Promise<Response> =>
    await api.call('/v1/codec/decode', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const allowed = await preflight(UI)
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    'access-control-allow-origin': UI,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': expect.stringContaining('x-namespace') as string,
    vary: 'Origin',
  })
  for (const origin of [
    'http://127.0.0.1:8233',
    'http://localhost:18233',
    `${UI}.example`,
    'null',
  ]) {
    const headers = [...(await preflight(origin)).headers.keys()]
    expect(headers.filter((name) => name.startsWith('access-control'))).toEqual([])
  }
})

test('answers to the UI, refusals included, can be read by it', async () => {
  const refused = await decode({ origin: UI })
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, UI])
})

test('a session cookie is taken from the UI and from nowhere else', async () => {
  const opened = await api.call('/v1/codec/session', { method: 'POST', scope: 'codec:read' })
  expect(opened.status).toBe(204)
  const setCookie = opened.headers.get('set-cookie') ?? ''
  expect(setCookie).toMatch(/; Path=\/v1\/codec; HttpOnly; SameSite=Strict$/)
  const cookie = setCookie.split(';')[0] ?? ''
  expect((await decode({ cookie, origin: UI })).status).toBe(200)
  expect((await decode({ cookie, origin: 'http://localhost:18233' })).status).toBe(401)
  expect((await decode({ cookie })).status).toBe(401)
  const audit = await api.call('/v1/audit', { headers: { cookie, origin: UI } })
  expect(audit.status).toBe(401)
})

// With the cluster-level setting the UI sends no cookie, so that it never has a session.
test('the page of the session names the endpoint for the browser setting of the UI', async () => {
  const page = await (await api.call('/docs/temporal-ui')).text()
  expect(page.replaceAll(/\s+/g, ' ')).toMatch(/Use my browser setting.*id="endpoint".*credentials/)
  const elements: Record<string, object> = {
    '#endpoint': { textContent: '/v1/codec' },
    form: { addEventListener: () => undefined },
  }
  runInNewContext(await (await api.call('/docs/temporal-ui.js')).text(), {
    document: { querySelector: (selector: string) => elements[selector] },
    location: { origin: 'http://127.0.0.1:8080' },
  })
  expect(elements['#endpoint']).toEqual({ textContent: 'http://127.0.0.1:8080/v1/codec' })
})

test('a session needs a token with the scope', async () => {
  expect((await api.call('/v1/codec/session', { method: 'POST' })).status).toBe(401)
  expect((await api.call('/v1/codec/session', { method: 'POST', scope: 'a' })).status).toBe(403)
})

test('more payloads than other bodies may hold are taken', async () => {
  const large = { ...PLAIN, data: base64('a'.repeat(2 * 1024 * 1024)) }
  expect((await decode(await bearer(), [large])).status).toBe(200)
})
