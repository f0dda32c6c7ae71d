import { createHmac, createSecretKey } from 'node:crypto'

/** A keyed digest of a value within a context (such as `ssn:aslp`): 32 bytes, callers may truncate to 16. */
export type KeyedHash = (context: string, value: string) => Buffer

/** Creates the HMAC-SHA-256 (RFC 2104) of a key; equal values in different contexts have unrelated hashes. */
export function createKeyedHash(key: Uint8Array): KeyedHash {
  const secret = createSecretKey(key)
  // The length keeps ("a", "bc") apart from ("ab", "c").
  return (context, value) =>
    createHmac('sha256', secret).update(`${context.length}:${context}:${value}`).digest()
}
