import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CompactSign } from 'jose'
import { contentOf, type Attribute } from '../../core/profile/document.ts'
import { isSignedBy, signAttribute } from '../../crypto/profile-signature.ts'
import { createPublishers, listPublishersFaults } from '../../crypto/publishers.ts'
import { createTestAttribute } from '../support/profiles.ts'

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const signer = { name: 'ldap', key: pair.privateKey } as const
const attribute = createTestAttribute('first_name', 'Ada')

async function signed(): Promise<Attribute> {
  return await signAttribute(attribute, signer)
}

async function signedAs(payload: unknown, header: Record<string, unknown>): Promise<Attribute> {
  const bytes = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const value = await new CompactSign(new TextEncoder().encode(bytes))
    .setProtectedHeader({ alg: 'RS256', ...header })
    .sign(pair.privateKey)
  const { publisher, additional } = attribute.signature
  return { ...attribute, signature: { publisher: { ...publisher, value }, additional } }
}

test('a signed attribute is verified with one of the keys, and with no other', async () => {
  const one = await signed()
  expect(isSignedBy(one, [other.publicKey, pair.publicKey])).toBe(true)
  expect(isSignedBy(one, [other.publicKey])).toBe(false)
  expect(isSignedBy(one, [])).toBe(false)
})

test.each<[string, (one: Attribute) => Attribute]>([
  ['value', (one) => ({ ...one, value: 'Eve' })],
  ['audience', (one) => ({ ...one, metadata: { ...one.metadata, display: 'staff' } })],
  ['time', (one) => ({ ...one, metadata: { ...one.metadata, created: '2021-01-01T00:00:00Z' } })],
])('another %s than the signed one does not verify', async (_, alter) => {
  expect(isSignedBy(alter(await signed()), [pair.publicKey])).toBe(false)
})

test('another order of members, other spaces and escapes verify', async () => {
  const { metadata } = attribute
  const reversed = Object.fromEntries(Object.entries(metadata).toReversed())
  const text = `{ "value": "\\u0041da",\n "metadata": ${JSON.stringify(reversed)} }`
  expect(isSignedBy(await signedAs(text, {}), [pair.publicKey])).toBe(true)
})

test.each<[string, Record<string, unknown>]>([
  ['PS256', { alg: 'PS256' }],
  ['an extension', { crit: ['b64'], b64: true }],
])('a header with %s does not verify', async (_, header) => {
  const { signature: _signature, ...payload } = attribute
  expect(isSignedBy(await signedAs(payload, header), [pair.publicKey])).toBe(false)
})

test.each(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'e30.e30.e30', '..'])(
  'a signature that is %j does not verify',
  (value) => {
    const { publisher, additional } = attribute.signature
    const broken = { ...attribute, signature: { publisher: { ...publisher, value }, additional } }
    expect(isSignedBy(broken, [pair.publicKey])).toBe(false)
  },
)

test('a key counts within its time, and its private part is not served', async () => {
  const jwk = { ...pair.privateKey.export({ format: 'jwk' }), kty: 'RSA' }
  const bounded = { ...jwk, nbf: 1_000, exp: 2_000 }
  const publishers = createPublishers({
    salt: 's',
    publishers: { cis: { jwks: { keys: [jwk] } }, ldap: { jwks: { keys: [bounded] } } },
  })
  const keysAt = (seconds: number): readonly KeyObject[] =>
    publishers.keysOf('ldap', new Date(seconds * 1_000))
  expect([999, 1_000, 1_999, 2_000].map((at) => keysAt(at).length)).toEqual([0, 1, 1, 0])
  expect(publishers.findSigner('ldap', new Date(1_500_000))?.name).toBe('ldap')
  const served = publishers.publicJwks['cis']?.keys[0]
  expect(Object.keys(served ?? {}).toSorted()).toEqual(['e', 'kty', 'n'])
  expect(createPublicKey({ key: served ?? {}, format: 'jwk' }).type).toBe('public')
  expect(contentOf(await signed())).toBe('Ada')
})

const good = { kty: 'RSA', ...pair.privateKey.export({ format: 'jwk' }) }
test.each<[string, unknown]>([
  ['no document', 7],
  ['no salt', { publishers: { cis: { jwks: { keys: [good] } } } }],
  ['an empty salt', { salt: '', publishers: { cis: { jwks: { keys: [good] } } } }],
  ['no cis', { salt: 's', publishers: { ldap: { jwks: { keys: [good] } } } }],
  ['an unknown publisher', { salt: 's', publishers: { cis: { jwks: { keys: [good] } }, eve: {} } }],
  [
    'a cis that cannot sign',
    { salt: 's', publishers: { cis: { jwks: { keys: [{ kty: 'RSA', n: good.n, e: good.e }] } } } },
  ],
  [
    'a key that is none',
    { salt: 's', publishers: { cis: { jwks: { keys: [{ kty: 'RSA', d: 'x' }] } } } },
  ],
])('publishers with %s are refused', (_, document) => {
  expect(listPublishersFaults(document)).not.toEqual([])
})
