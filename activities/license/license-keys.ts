import type { NameFolder } from './name-folder.ts'
import type { LicenseRecord } from '../../core/license/record.ts'
import type { KeyedHexHash } from '../../crypto/keyed-hex-hash.ts'
import { hashSsn } from '../../db/license/ssn-key.ts'

/** What is derived of a license when it is staged; hashes are hexadecimal. */
export type LicenseKeys = {
  readonly ssnHash: string
  readonly contentHash: string
  readonly familyNameKey: string
  readonly givenNameKey: string
}

const CONTENT_CONTEXT = 'license-content'
const CONTENT_HASH_DIGITS = 32

/**
 * Derives the hash of a license's SSN, the hash of its type and content, the latter given as one
 * text that no other content has, and the keys of its names.
 */
export function deriveLicenseKeys(
  { hash, foldName }: { readonly hash: KeyedHexHash; readonly foldName: NameFolder },
  license: LicenseRecord,
  { compact, content }: { readonly compact: string; readonly content: string },
): LicenseKeys {
  return {
    ssnHash: hashSsn(hash, { compact, ssn: license.ssn }),
    contentHash: hashContent(hash, { licenseType: license.licenseType, content }),
    familyNameKey: foldName(license.familyName),
    givenNameKey: foldName(license.givenName),
  }
}

/** Hashes a license's type and content: the same content has the same hash wherever it comes from. */
export function hashContent(
  hash: KeyedHexHash,
  { licenseType, content }: { readonly licenseType: string; readonly content: string },
): string {
  return hash(CONTENT_CONTEXT, `${licenseType}\t${content}`).slice(0, CONTENT_HASH_DIGITS)
}
