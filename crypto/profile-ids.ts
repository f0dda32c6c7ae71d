import { createHash } from 'node:crypto'

// RFC 9562 §6.6
const NAMESPACE_URL = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex')
const UUID_BYTES = 16
const VERSION_5 = 0x50
const VARIANT = 0x80

/** The ids that the server gives a person: a UUIDv5 (RFC 9562 §5.5) of salt and user id, and a username of its bytes. */
export function createProfileIds(
  salt: string,
  userId: string,
): { readonly uuid: string; readonly primaryUsername: string } {
  const bytes = createUuidV5(NAMESPACE_URL, `${salt}#${userId}`)
  const hex = bytes.toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return {
    uuid: [...parts, hex.slice(20)].join('-'),
    // Padded, which `base64url` leaves out.
    primaryUsername: `r--${bytes.toString('base64url')}==`,
  }
}

function createUuidV5(namespace: Uint8Array, name: string): Buffer {
  const hash = createHash('sha1').update(namespace).update(name).digest()
  const bytes = hash.subarray(0, UUID_BYTES)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | VERSION_5
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | VARIANT
  return bytes
}
