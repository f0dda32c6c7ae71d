import { importJWK, type CryptoKey, type JWK } from 'jose'

/** A public key of an issuer, with what its JWK (RFC 7517) says of its use. */
export type IssuerKey = {
  readonly kid: string | undefined
  readonly alg: string | undefined
  readonly jwk: JWK
}

/** Which key types and curves an algorithm goes with (RFC 7518 §3.1, RFC 8037, RFC 9864). */
const KEY_SHAPES: Readonly<Record<string, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  Ed25519: { kty: 'OKP', crv: 'Ed25519' },
}

/**
 * The signature keys of a JWKS document. Symmetric, unknown, malformed and encryption keys are left
 * out and never disable the others; throws a TypeError when it is no JWKS at all.
 */
export function parseJwks(document: unknown): IssuerKey[] {
  const keys = isObject(document) ? document['keys'] : undefined
  if (!Array.isArray(keys)) throw new TypeError('Cannot read JWKS: it has no "keys" list')
  return keys.filter(isSignatureKey).map((jwk) => ({ kid: jwk.kid, alg: jwk.alg, jwk }))
}

/** The keys that may have signed a token with this header, imported for its algorithm. */
export async function selectKeys(
  keys: readonly IssuerKey[],
  header: { readonly kid: string | undefined; readonly alg: string },
): Promise<CryptoKey[]> {
  const candidates = keys.filter(
    ({ kid, alg, jwk }) =>
      (header.kid === undefined || kid === header.kid) &&
      (alg === undefined || alg === header.alg) &&
      fits(jwk, header.alg),
  )
  const imported = await Promise.all(
    candidates.map(async ({ jwk }) => await tryImport(jwk, header.alg)),
  )
  return imported.filter((key) => key !== undefined)
}

function isSignatureKey(value: unknown): value is JWK {
  if (!isObject(value)) return false
  const { kty, use, kid, alg, key_ops: operations } = value
  if (!Object.values(KEY_SHAPES).some((shape) => shape.kty === kty)) return false
  if (use !== undefined && use !== 'sig') return false
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return false
  }
  return [kid, alg].every((member) => member === undefined || typeof member === 'string')
}

function fits(jwk: JWK, alg: string): boolean {
  const shape = KEY_SHAPES[alg]
  if (!shape || jwk.kty !== shape.kty) return false
  return shape.crv === undefined || jwk.crv === shape.crv
}

async function tryImport(jwk: JWK, alg: string): Promise<CryptoKey | undefined> {
  // Only the public members: a private key published by mistake must not be imported as one.
  const { kty, crv, x, y, n, e } = jwk
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(
    ([, value]) => value !== undefined,
  )
  try {
    const key = await importJWK(Object.fromEntries(members), alg)
    return key instanceof Uint8Array ? undefined : key
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
