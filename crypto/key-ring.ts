import { createHash, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto'
import { AppError } from '../core/errors.ts'

/** The key ring document: `{"current": id, "keys": {id: base64 of 32 bytes}}`. */
export type KeyRingDocument = {
  readonly current: string
  readonly keys: Readonly<Record<string, string>>
}

/** What a derived key is for; each purpose has its own HKDF-SHA-256 output (RFC 5869). */
export type KeyPurpose = 'field' | 'codec' | 'cursor' | 'seal' | 'upload-form' | 'token'

export type KeyRing = {
  readonly currentId: string
  readonly ids: readonly string[]
  /** The 32-byte key for a purpose (and context, such as a namespace); throws `unknown_key` for an id not in the ring. */
  readonly derive: (purpose: KeyPurpose, id: string, context?: string) => Buffer
}

const KEY_BYTES = 32
const ID_PATTERN = /^[A-Za-z0-9._-]{1,32}$/

/** Lists what is wrong with a key ring document; an empty list means that `createKeyRing` takes it. */
export function listKeyRingFaults(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return ['must be a JSON object']
  const { current, keys } = value as { current?: unknown; keys?: unknown } // shape checked below
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys))
    return ['"keys" must be an object of id → base64']
  const faults = Object.entries(keys).flatMap(([id, key]) => listKeyFaults(id, key))
  if (typeof current !== 'string' || !Object.hasOwn(keys, current)) {
    faults.push('"current" must name one of "keys"')
  }
  return faults
}

/** Builds the ring from a document that `listKeyRingFaults` found nothing wrong with. */
export function createKeyRing(document: KeyRingDocument): KeyRing {
  const secrets = new Map<string, KeyObject>(
    Object.entries(document.keys).map(([id, key]) => [
      id,
      createSecretKey(Buffer.from(key, 'base64')),
    ]),
  )
  const derived = new Map<string, Buffer>()
  return {
    currentId: document.current,
    ids: [...secrets.keys()],
    derive(purpose, id, context = '') {
      const name = `${purpose}\u0000${id}\u0000${context}`
      const known = derived.get(name)
      if (known) return known
      const secret = secrets.get(id)
      if (!secret) throwUnknownKey(id)
      const info = `registrar/${purpose}/${context}`
      const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, KEY_BYTES))
      derived.set(name, key)
      return key
    },
  }
}

/** Makes a ring document with one fresh random key, named by the start of its own digest. */
export function generateKeyRingDocument(): KeyRingDocument {
  const key = randomBytes(KEY_BYTES)
  const id = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return { current: id, keys: { [id]: key.toString('base64') } }
}

function listKeyFaults(id: string, key: unknown): string[] {
  const faults: string[] = []
  if (!ID_PATTERN.test(id)) faults.push(`key id "${id}" must match ${ID_PATTERN.source}`)
  if (typeof key !== 'string' || Buffer.from(key, 'base64').length !== KEY_BYTES) {
    faults.push(`key "${id}" must be base64 of ${KEY_BYTES} bytes`)
  }
  return faults
}

function throwUnknownKey(id: string): never {
  throw new AppError('unknown_key', `Cannot use key "${id}": it is not in the key ring`, {
    status: 500,
  })
}
