import { createCipheriv, createDecipheriv, createSecretKey, randomFillSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import type { KeyRing } from './key-ring.ts'

/** Encrypts single values at rest; a cipher names its key, so that any key of the ring decrypts. */
export type FieldCipher = {
  /** Encrypts under the ring's current key, bound to `context` (such as `ssn:aslp`). */
  readonly encrypt: (plain: Uint8Array | string, context: string) => Buffer
  /** Throws `undecryptable` for another context or altered bytes, `unknown_key` for a key not in the ring. */
  readonly decrypt: (cipher: Uint8Array, context: string) => Buffer
  readonly keyIdOf: (cipher: Uint8Array) => string
}

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const POOLED_NONCES = 1024
const ALGORITHM = 'aes-256-gcm'

/**
 * Creates the AES-256-GCM field cipher of a ring. Layout: version (1 byte), length of the key id (1),
 * key id, nonce (12), ciphertext, tag (16). Nonces are random: rotate a key before 2^32 values.
 */
export function createFieldCipher(ring: KeyRing): FieldCipher {
  const keys = new Map<string, KeyObject>()
  const takeNonce = createNoncePool()
  const header = fieldCipherPrefix(ring.currentId)
  const toAad = createAadCache()

  function getKey(id: string): KeyObject {
    const known = keys.get(id)
    if (known) return known
    const key = createSecretKey(ring.derive('field', id))
    keys.set(id, key)
    return key
  }

  return {
    encrypt(plain, context) {
      const nonce = takeNonce()
      const cipher = createCipheriv(ALGORITHM, getKey(ring.currentId), nonce)
      cipher.setAAD(toAad(context))
      const body = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain)
      cipher.final()
      return Buffer.concat([header, nonce, body, cipher.getAuthTag()])
    },
    decrypt(cipher, context) {
      const { keyId, nonce, body, tag } = parseCipher(cipher)
      const decipher = createDecipheriv(ALGORITHM, getKey(keyId), nonce, {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(toAad(context))
      decipher.setAuthTag(tag)
      const plain = decipher.update(body)
      try {
        decipher.final()
      } catch (cause) {
        throwUndecryptable('it was altered or belongs to another context', cause)
      }
      return plain
    },
    keyIdOf: (cipher) => parseCipher(cipher).keyId,
  }
}

/** The bytes that every cipher under this key begins with. */
export function fieldCipherPrefix(keyId: string): Buffer {
  return Buffer.from([VERSION, keyId.length, ...Buffer.from(keyId)])
}

type CipherParts = {
  readonly keyId: string
  readonly nonce: Buffer
  readonly body: Buffer
  readonly tag: Buffer
}

function parseCipher(cipher: Uint8Array): CipherParts {
  const bytes = Buffer.from(cipher.buffer, cipher.byteOffset, cipher.byteLength)
  const idEnd = 2 + (bytes[1] ?? 0)
  const bodyStart = idEnd + NONCE_BYTES
  const bodyEnd = bytes.length - TAG_BYTES
  if (bytes[0] !== VERSION || bodyEnd < bodyStart)
    throwUndecryptable('it has an unknown format', undefined)
  return {
    keyId: bytes.toString('latin1', 2, idEnd),
    nonce: bytes.subarray(idEnd, bodyStart),
    body: bytes.subarray(bodyStart, bodyEnd),
    tag: bytes.subarray(bodyEnd),
  }
}

// One call for many nonces: randomness by 12 bytes costs more than the encryption.
function createNoncePool(): () => Buffer {
  const pool = Buffer.alloc(NONCE_BYTES * POOLED_NONCES)
  let offset = pool.length
  return () => {
    if (offset === pool.length) {
      randomFillSync(pool)
      offset = 0
    }
    offset += NONCE_BYTES
    return pool.subarray(offset - NONCE_BYTES, offset)
  }
}

// A run encrypts thousands of values of one context.
function createAadCache(): (context: string) => Buffer {
  let context: string | undefined
  let aad = Buffer.alloc(0)
  return (wanted) => {
    if (wanted !== context) {
      aad = Buffer.from(`registrar-field/v${VERSION}:${wanted}`)
      context = wanted
    }
    return aad
  }
}

function throwUndecryptable(reason: string, cause: unknown): never {
  throw new AppError('undecryptable', `Cannot decrypt a stored value: ${reason}`, {
    status: 500,
    cause,
  })
}
