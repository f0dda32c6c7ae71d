import { createHmac } from 'node:crypto'
import { base64url, exportSPKI, importJWK, type JWTPayload } from 'jose'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import {
  createSigningKey,
  TokenIssuer,
  type SigningKey,
  type TokenParts,
} from '../support/token-issuer.ts'

let issuer: TokenIssuer
let key: SigningKey
let api: TestApi

beforeAll(async () => {
  issuer = await TokenIssuer.start()
  key = await createSigningKey()
  issuer.keys = [
    { kty: 'oct', kid: key.jwk.kid, k: 'c2VjcmV0', alg: 'HS256' },
    { kty: 'EC', crv: 'P-256', kid: key.jwk.kid, alg: 'ES256', x: 'not', y: 'a key' },
    { kty: 'XYZ', kid: 'unknown' },
    { ...(await createSigningKey()).jwk, use: 'enc', kid: 'encrypts' },
    null,
    'noise',
    key.jwk,
  ]
  api = await startTestApi({
    env: { AUTH_ISSUERS: JSON.stringify([{ issuer: issuer.url, audience: issuer.audience }]) },
  })
})
afterAll(async () => {
  await api.close()
  await issuer.close()
})

async function ask(token: string): Promise<Response> {
  return await api.call('/v1/audit', { headers: { authorization: `Bearer ${token}` } })
}

async function statusOf(parts: TokenParts): Promise<number> {
  const response = await ask(await issuer.sign(parts.key ?? key, parts))
  return response.status
}

const now = Math.floor(Date.now() / 1000)

test.each<[string, TokenParts]>([
  ['typ at+jwt', {}],
  ['typ application/at+jwt', { header: { typ: 'application/at+jwt' } }],
  ['typ JWT', { header: { typ: 'JWT' } }],
  ['no typ', { header: { typ: undefined } }],
  ['no kid', { header: { kid: undefined } }],
  ['several audiences', { claims: { aud: ['other', 'registrar-test'] } }],
  ['token_use access', { claims: { token_use: 'access' } }],
  ['exp 30 s ago', { claims: { exp: now - 30 } }],
  ['nbf and iat 30 s ahead', { claims: { nbf: now + 30, iat: now + 30 } }],
  ['no iat', { without: ['iat'] }],
  ['a tenant', { claims: { tenant: 'north' } }],
  ['tenant null', { claims: { tenant: null } }],
  ['scopes as a list', { claims: { scope: ['audit:read', 'x'] } }],
])('a token with %s is accepted', async (_, parts) => {
  expect(await statusOf(parts)).toBe(200)
})

test.each<[string, TokenParts]>([
  ['typ id_token', { header: { typ: 'id_token' } }],
  ['typ logout+jwt', { header: { typ: 'logout+jwt' } }],
  ['an empty typ', { header: { typ: '' } }],
  ['another issuer', { claims: { iss: 'https://elsewhere.example' } }],
  ['no issuer', { without: ['iss'] }],
  ['another audience', { claims: { aud: 'other' } }],
  ['the audience in other case', { claims: { aud: 'Registrar-Test' } }],
  ['an audience that contains ours', { claims: { aud: 'registrar-test-2' } }],
  ['no audience', { without: ['aud'] }],
  ['no subject', { without: ['sub'] }],
  ['an empty subject', { claims: { sub: '' } }],
  ['a subject with a control character', { claims: { sub: 'a\u0000b' } }],
  ['a tenant that is no text', { claims: { tenant: ['north'] } }],
  ['an empty tenant', { claims: { tenant: '' } }],
  ['a tenant with a control character', { claims: { tenant: 'north\u0000' } }],
  ['no exp', { without: ['exp'] }],
  ['exp 61 s ago', { claims: { exp: now - 90 } }],
  ['exp as text', { claims: { exp: String(now + 300) } as unknown as JWTPayload }],
  ['exp null', { claims: { exp: null } as unknown as JWTPayload }],
  ['nbf two minutes ahead', { claims: { nbf: now + 120 } }],
  ['iat two minutes ahead', { claims: { iat: now + 120 } }],
  ['iat as text', { claims: { iat: 'now' } as unknown as JWTPayload }],
  ['a nonce', { claims: { nonce: 'n' } }],
  ['at_hash', { claims: { at_hash: 'h' } }],
  ['c_hash', { claims: { c_hash: 'h' } }],
  ['s_hash', { claims: { s_hash: 'h' } }],
  ['token_use id', { claims: { token_use: 'id' } }],
  ['token_use null', { claims: { token_use: null } }],
  ['a kid that is no text', { header: { kid: 7 } }],
  ['an encryption key', { header: { kid: 'encrypts' } }],
  ['crit', { header: { crit: ['urn:test'], 'urn:test': 1 } }],
  ['17 KiB', { claims: { pad: 'a'.repeat(17 * 1024) } }],
])('a token with %s is refused', async (_, parts) => {
  const response = await ask(await issuer.sign(key, parts))
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
  expect(await response.json()).toMatchObject({ code: 'invalid_token' })
})

test('the issuer with a slash at its end is another one', async () => {
  expect(await statusOf({ claims: { iss: `${issuer.url}/` } })).toBe(401)
})

test('a key of another algorithm than it is published for is refused', async () => {
  const strange = await createSigningKey('ES256', { alg: 'ES384', kid: 'strange' })
  issuer.keys = [...issuer.keys, strange.jwk]
  expect(await statusOf({ key: { ...strange, jwk: { ...strange.jwk, alg: 'ES256' } } })).toBe(401)
})

test.each(['jku', 'x5u', 'jwk', 'x5c'])(
  'a key that comes with the token by %s is not believed',
  async (name) => {
    const own = await createSigningKey()
    const value = { jku: `${issuer.url}/jwks`, x5u: issuer.url, jwk: own.jwk, x5c: ['MA=='] }[name]
    expect(await statusOf({ key: own, header: { [name]: value, kid: key.jwk.kid } })).toBe(401)
  },
)

test('a token signed with the public key as a shared secret is refused', async () => {
  const publicKey = await importJWK(key.jwk, 'ES256', { extractable: true })
  if (publicKey instanceof Uint8Array) throw new Error('Cannot happen: it is an EC key')
  for (const secret of [await exportSPKI(publicKey), JSON.stringify(key.jwk), 'secret']) {
    const head = encode({ alg: 'HS256', kid: key.jwk.kid, typ: 'at+jwt' })
    const signed = `${head}.${encode(goodClaims())}`
    const tag = createHmac('sha256', secret).update(signed).digest('base64url')
    expect((await ask(`${signed}.${tag}`)).status).toBe(401)
  }
})

test.each(['none', 'None', 'NONE', 'HS256', 'RSA1_5', '', undefined])(
  'the algorithm %s is refused',
  async (alg) => {
    const response = await ask(`${encode({ alg, kid: key.jwk.kid })}.${encode(goodClaims())}.`)
    expect(response.status).toBe(401)
  },
)

test('a token with altered claims, header or signature is refused', async () => {
  const [head = '', claims = '', signature = ''] = (await issuer.sign(key)).split('.')
  const more = encode({ ...goodClaims(), scope: 'audit:read admin' })
  for (const token of [
    `${head}.${more}.${signature}`,
    `${head}.${claims}.`,
    `${head}.${claims}`,
    `${head}.${claims}.${signature.slice(2)}`,
    `${head}.${claims}.${signature}.x`,
    `${encode({ alg: 'ES256', kid: key.jwk.kid })}.${claims}.${signature}`,
    `.${claims}.${signature}`,
    'a.b.c',
    'abc',
  ]) {
    expect((await ask(token)).status).toBe(401)
  }
})

test.each([
  ['no Authorization header', undefined, 'missing_token'],
  ['Basic credentials', 'Basic YTpi', 'invalid_token'],
  ['Bearer without a token', 'Bearer', 'invalid_token'],
  ['two tokens', 'Bearer a b', 'invalid_token'],
])('a request with %s is a 401', async (_, authorization, code) => {
  const response = await api.call(
    '/v1/audit',
    authorization === undefined ? {} : { headers: { authorization } },
  )
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
  expect(await response.json()).toMatchObject({ code })
})

test('a token in the query is not looked at', async () => {
  const token = await issuer.sign(key)
  expect((await api.call(`/v1/audit?access_token=${token}`)).status).toBe(401)
})

test('a token without the scope is a 403 that names it', async () => {
  const response = await ask(
    await issuer.sign(key, { claims: { scope: 'audit:reader AUDIT:READ audit' } }),
  )
  expect(response.status).toBe(403)
  expect(response.headers.get('www-authenticate')).toContain('scope="audit:read"')
})

test('a token that was accepted is refused once it has expired', async () => {
  // Good for two more seconds of leeway.
  const token = await issuer.sign(key, { claims: { exp: Math.floor(Date.now() / 1000) - 58 } })
  expect((await ask(token)).status).toBe(200)
  await waitUntil('the token is refused', async () => (await ask(token)).status === 401)
})

test('tokens of the local issuer are refused once an issuer is configured', async () => {
  expect((await api.call('/v1/audit', { scope: 'audit:read' })).status).toBe(401)
})

function encode(value: unknown): string {
  return base64url.encode(JSON.stringify(value))
}

function goodClaims(): JWTPayload {
  return { iss: issuer.url, aud: issuer.audience, sub: 'a', scope: 'audit:read', exp: now + 300 }
}
