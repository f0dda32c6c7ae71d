import { randomUUID } from 'node:crypto'
import { SignJWT, type JSONWebKeySet } from 'jose'
import { createEd25519KeyPair, toEd25519Jwk, type Ed25519KeyPair } from './ed25519.ts'
import type { KeyRing } from './key-ring.ts'

/** The `iss` and `aud` of tokens that the embedded default issues to itself. */
export const LOCAL_ISSUER = 'urn:registrar:local'
export const LOCAL_AUDIENCE = 'registrar'
/** The one algorithm of local tokens (RFC 8037). */
export const LOCAL_ALGORITHM = 'EdDSA'

export type LocalTokenClaims = {
  readonly subject: string
  /** Scopes separated by spaces. */
  readonly scope?: string | undefined
  readonly tenant?: string | undefined
  readonly publisher?: string | undefined
  readonly ttlSeconds: number
}

/** Signs an access token (RFC 9068, `typ: at+jwt`) of the local issuer with the ring's current key. */
export async function signLocalToken(ring: KeyRing, claims: LocalTokenClaims): Promise<string> {
  const { subject, ttlSeconds, scope, tenant, publisher } = claims
  const nowSeconds = Math.floor(Date.now() / 1000)
  return await new SignJWT({
    ...(scope !== undefined && { scope }),
    ...(tenant !== undefined && { tenant }),
    ...(publisher !== undefined && { publisher }),
  })
    .setProtectedHeader({ alg: LOCAL_ALGORITHM, typ: 'at+jwt', kid: ring.currentId })
    .setIssuer(LOCAL_ISSUER)
    .setAudience(LOCAL_AUDIENCE)
    .setSubject(subject)
    .setJti(randomUUID())
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + ttlSeconds)
    .sign(createTokenKey(ring, ring.currentId).privateKey)
}

/** The local issuer's public keys, one for each key of the ring. */
export function createLocalJwks(ring: KeyRing): JSONWebKeySet {
  return {
    keys: ring.ids.map((id) => ({
      ...toEd25519Jwk(createTokenKey(ring, id).publicKey, id),
      alg: LOCAL_ALGORITHM,
    })),
  }
}

function createTokenKey(ring: KeyRing, id: string): Ed25519KeyPair {
  return createEd25519KeyPair(ring.derive('token', id))
}
