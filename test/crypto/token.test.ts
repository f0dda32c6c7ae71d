import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import {
  LOCAL_AUDIENCE,
  LOCAL_ISSUER,
  createLocalJwks,
  signLocalToken,
} from '../../crypto/token.ts'

const document = generateKeyRingDocument()
const ring = createKeyRing(document)

test('signLocalToken() signs what was asked for and nothing more', async () => {
  const token = await signLocalToken(ring, { subject: 'ann', scope: 'a/b c', ttlSeconds: 60 })
  const { payload } = await jwtVerify(token, createLocalJWKSet(createLocalJwks(ring)), {
    issuer: LOCAL_ISSUER,
    audience: LOCAL_AUDIENCE,
    typ: 'at+jwt',
  })
  expect(payload).toMatchObject({ sub: 'ann', scope: 'a/b c' })
  expect(payload).not.toHaveProperty('tenant')
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60)
  expect(decodeProtectedHeader(token)).toEqual({
    alg: 'EdDSA',
    typ: 'at+jwt',
    kid: document.current,
  })
})

test('createLocalJwks() verifies tokens of every key in the ring', async () => {
  const token = await signLocalToken(ring, { subject: 'ann', ttlSeconds: 60 })
  const other = generateKeyRingDocument()
  const rotated = createKeyRing({ ...other, keys: { ...document.keys, ...other.keys } })
  const jwks = createLocalJWKSet(createLocalJwks(rotated))
  await expect(jwtVerify(token, jwks)).resolves.toBeDefined()
})

test('createLocalJwks() gives no private part away', () => {
  expect(JSON.stringify(createLocalJwks(ring))).not.toMatch(/"d":/)
})
