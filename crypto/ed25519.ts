import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

// PKCS #8 (RFC 8410 §7) of a private key, up to the 32 bytes of the key itself.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export type Ed25519KeyPair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject }

/** A public Ed25519 key as JWK (RFC 8037) with its id. */
export type Ed25519Jwk = {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly kid: string
  readonly use: 'sig'
}

/** The Ed25519 key pair of a 32-byte seed (RFC 8032), the same one every time. */
export function createEd25519KeyPair(seed: Uint8Array): Ed25519KeyPair {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** The public half as JWK. */
export function toEd25519Jwk(publicKey: KeyObject, kid: string): Ed25519Jwk {
  const { x } = publicKey.export({ format: 'jwk' })
  return { kty: 'OKP', crv: 'Ed25519', x: x ?? '', kid, use: 'sig' }
}
