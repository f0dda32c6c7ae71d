import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { createEd25519KeyPair, toEd25519Jwk, type Ed25519Jwk } from './ed25519.ts'
import type { KeyRing } from './key-ring.ts'

/** A public key for seals, with the signature by which a key of the ring stands for it. */
export type EndorsedKey = {
  readonly kid: string
  /** `x` of the JWK: the 32 bytes in base64url. */
  readonly publicKey: string
  readonly endorsedBy: string
  readonly endorsement: Buffer
}

/** The public keys of every key in the ring, as JWKs. */
export function listRingSealKeys(ring: KeyRing): Ed25519Jwk[] {
  return ring.ids.map((id) => toEd25519Jwk(createSealKey(ring, id).publicKey, id))
}

/** Signs for a public key with the ring's current key, so that it is believed after its own has gone. */
export function endorseSealKey(ring: KeyRing, kid: string, publicKey: string): EndorsedKey {
  const { privateKey } = createSealKey(ring, ring.currentId)
  const endorsement = sign(null, toEndorsedBytes(kid, publicKey), privateKey)
  return { kid, publicKey, endorsedBy: ring.currentId, endorsement }
}

/** Whether a key that is in the ring stands for this one. */
export function isEndorsedBy(ring: KeyRing, key: EndorsedKey): boolean {
  if (!ring.ids.includes(key.endorsedBy)) return false
  const { publicKey } = createSealKey(ring, key.endorsedBy)
  return verify(null, toEndorsedBytes(key.kid, key.publicKey), publicKey, key.endorsement)
}

/** Reads the keys of a JWKS that can verify seals, by id; others are skipped. */
export function importSealKeys(keys: readonly Readonly<Record<string, unknown>>[]): SealKeys {
  const known = new Map<string, KeyObject>()
  for (const { kty, crv, x, kid } of keys) {
    if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || typeof kid !== 'string')
      continue
    known.set(kid, createPublicKey({ key: { kty, crv, x }, format: 'jwk' }))
  }
  return known
}

/** Public keys for seals by id. */
export type SealKeys = ReadonlyMap<string, KeyObject>

function createSealKey(ring: KeyRing, id: string): ReturnType<typeof createEd25519KeyPair> {
  return createEd25519KeyPair(ring.derive('seal', id))
}

function toEndorsedBytes(kid: string, publicKey: string): Buffer {
  return Buffer.from(JSON.stringify(['registrar-audit-key/v1', kid, publicKey]))
}
