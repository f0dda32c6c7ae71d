import type { KeyedHexHash } from '../../crypto/keyed-hex-hash.ts'

/** Half of an HMAC-SHA-256 tells apart every SSN there can be. */
export const ssnHashBytes = 16

/** What an SSN's cipher and its hash are bound to. */
export function ssnContext(compact: string): string {
  return `ssn:${compact}`
}

/** The hash by which a compact's providers are matched (`provider_ssns.ssn_hash`), hexadecimal. */
export function hashSsn(
  hash: KeyedHexHash,
  { compact, ssn }: { readonly compact: string; readonly ssn: string },
): string {
  return hash(ssnContext(compact), ssn).slice(0, 2 * ssnHashBytes)
}
