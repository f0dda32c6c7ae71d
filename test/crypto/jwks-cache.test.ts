import { createJwksCache, type IssuerKeys } from '../../crypto/jwks-cache.ts'
import { createSigningKey, type SigningKey } from '../support/token-issuer.ts'

class Source {
  keys: unknown[] = []
  isAway = false
  loads = 0
  nowMs = 1_000_000

  createCache(): IssuerKeys {
    return createJwksCache({
      issuer: 'https://issuer.example',
      load: async () => await this.load(),
      nowMs: () => this.nowMs,
      onStale: () => {},
    })
  }

  private async load(): Promise<unknown> {
    this.loads += 1
    if (this.isAway) throw new Error('away')
    return await Promise.resolve({ keys: this.keys })
  }
}

let first: SigningKey
let second: SigningKey
let source: Source
let cache: IssuerKeys

beforeAll(async () => {
  first = await createSigningKey('ES256', { kid: 'first' })
  second = await createSigningKey('ES256', { kid: 'second' })
})
beforeEach(() => {
  source = new Source()
  source.keys = [first.jwk]
  cache = source.createCache()
})

async function count(kid: string | undefined): Promise<number> {
  return (await cache.find({ kid, alg: 'ES256' })).length
}

test('keys are fetched once for many tokens', async () => {
  await Promise.all(Array.from({ length: 20 }, async () => await count('first')))
  expect(source.loads).toBe(1)
})

test('a key that was added is found at once', async () => {
  await count('first')
  source.keys = [first.jwk, second.jwk]
  expect(await count('second')).toBe(1)
})

test('unknown key ids fetch at most once in 30 s', async () => {
  await count('first')
  await count('none')
  source.keys = [first.jwk, second.jwk]
  for (let index = 0; index < 10; index += 1) await count(`none-${index}`)
  expect(source.loads).toBe(2)
  source.nowMs += 30_000
  expect(await count('second')).toBe(1)
  expect(source.loads).toBe(3)
})

test('old keys are refreshed in the background and serve meanwhile', async () => {
  await count('first')
  source.nowMs += 6 * 60_000
  source.keys = [second.jwk]
  expect(await count('first')).toBe(1)
  expect(source.loads).toBe(2)
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  expect(await count('second')).toBe(1)
})

test('keys serve through an outage of the issuer', async () => {
  await count('first')
  source.isAway = true
  source.nowMs += 24 * 60 * 60_000
  expect(await count('first')).toBe(1)
  expect(await count('second')).toBe(0)
})

test('an issuer whose keys were never had is unreachable, and asked again', async () => {
  source.isAway = true
  await expect(count('first')).rejects.toMatchObject({ code: 'issuer_unreachable', status: 503 })
  source.isAway = false
  expect(await count('first')).toBe(1)
})

test('a document that is no JWKS does not replace the keys', async () => {
  await count('first')
  source.keys = 'noise' as unknown as unknown[]
  expect(await count('second')).toBe(0)
  expect(await count('first')).toBe(1)
})
