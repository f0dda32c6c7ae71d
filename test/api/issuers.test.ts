import { startTestApi, type TestApi } from '../support/http.ts'
import { startOidcProvider } from '../support/oidc-provider.ts'
import { createSigningKey, TokenIssuer, type SigningKey } from '../support/token-issuer.ts'

const open: { close: () => Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

async function startIssuer(): Promise<{ issuer: TokenIssuer; key: SigningKey }> {
  const issuer = await TokenIssuer.start()
  open.push(issuer)
  const key = await createSigningKey()
  issuer.keys = [key.jwk]
  return { issuer, key }
}

async function startApiFor(issuers: readonly object[]): Promise<TestApi> {
  const api = await startTestApi({ env: { AUTH_ISSUERS: JSON.stringify(issuers) } })
  open.push(api)
  return api
}

async function ask(api: TestApi, token: string): Promise<Response> {
  return await api.call('/v1/audit', { headers: { authorization: `Bearer ${token}` } })
}

test('tokens of a real OpenID provider are accepted through discovery', async () => {
  const provider = await startOidcProvider()
  open.push(provider)
  const audience = 'https://registrar.example'
  const api = await startApiFor([{ issuer: provider.issuer, audience }])
  const token = await provider.getAccessToken(audience, 'audit:read')
  expect((await ask(api, token)).status).toBe(200)
  const other = await provider.getAccessToken('https://other.example', 'audit:read')
  expect((await ask(api, other)).status).toBe(401)
  const weak = await provider.getAccessToken(audience, 'upload:write')
  expect((await ask(api, weak)).status).toBe(403)
})

test.each(['fails', 'redirects'] as const)(
  'an issuer that %s and was never reached is a 503, afterwards served from cache',
  async (mode) => {
    const { issuer, key } = await startIssuer()
    const api = await startApiFor([{ issuer: issuer.url, audience: issuer.audience }])
    const token = await issuer.sign(key)
    issuer.mode = mode
    const refused = await ask(api, token)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refused.json()).toMatchObject({ code: 'issuer_unreachable' })
    const readiness = (await (await api.call('/readyz')).json()) as { checks: object }
    expect(readiness.checks).toMatchObject({ jwks: { ok: false } })
    issuer.mode = 'answers'
    expect((await ask(api, token)).status).toBe(200)
    issuer.mode = mode
    expect((await ask(api, token)).status).toBe(200)
    expect((await ask(api, await issuer.sign(await createSigningKey()))).status).toBe(401)
  },
)

test('an issuer that never answers costs a 503 in time', async () => {
  const { issuer, key } = await startIssuer()
  const api = await startApiFor([{ issuer: issuer.url, audience: issuer.audience }])
  issuer.mode = 'stalls'
  const started = performance.now()
  expect((await ask(api, await issuer.sign(key))).status).toBe(503)
  expect(performance.now() - started).toBeLessThan(30_000)
})

test('a wrong token of a known shape does not disturb another issuer that is away', async () => {
  const { issuer, key } = await startIssuer()
  const away = await startIssuer()
  away.issuer.mode = 'fails'
  const api = await startApiFor(
    [issuer, away.issuer].map(({ url, audience }) => ({ issuer: url, audience })),
  )
  expect((await ask(api, await issuer.sign(key))).status).toBe(200)
})

test('a key of one issuer does not sign for another', async () => {
  const one = await startIssuer()
  const two = await startIssuer()
  const api = await startApiFor(
    [one.issuer, two.issuer].map(({ url, audience }) => ({ issuer: url, audience })),
  )
  const token = await one.issuer.sign(two.key)
  expect((await ask(api, token)).status).toBe(401)
})

test('scope, tenant and subject are read where the issuer puts them', async () => {
  const { issuer, key } = await startIssuer()
  const api = await startApiFor([
    {
      issuer: issuer.url,
      audience: issuer.audience,
      jwksUri: `${issuer.url}/jwks`,
      claims: { scope: 'permissions', subject: 'https://example.org/login' },
    },
  ])
  const claims = { permissions: ['audit:read'], scope: 'none', 'https://example.org/login': 'a' }
  expect((await ask(api, await issuer.sign(key, { claims }))).status).toBe(200)
  expect(
    (await ask(api, await issuer.sign(key, { claims: { permissions: ['audit:read'] } }))).status,
  ).toBe(401)
})

test('an algorithm that the issuer is not configured for is refused', async () => {
  const { issuer, key } = await startIssuer()
  const api = await startApiFor([
    { issuer: issuer.url, audience: issuer.audience, algorithms: ['RS256'] },
  ])
  expect((await ask(api, await issuer.sign(key))).status).toBe(401)
})

test('the local issuer does not start in production', async () => {
  await expect(startTestApi({ env: { NODE_ENV: 'production' } })).rejects.toMatchObject({
    code: 'invalid_configuration',
  })
})
