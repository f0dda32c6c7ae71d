import { foldName } from '../../core/license/fold-name.ts'
import type { LicenseRecord } from '../../core/license/record.ts'
import { boardFields } from '../../core/license/stored-license.ts'
import type { KeyedHash } from '../../crypto/keyed-hash.ts'
import { hashSsn } from '../../db/license/ssn-key.ts'

/** What is derived of a license when it is staged; hashes are hexadecimal. */
export type LicenseKeys = {
  readonly ssnHash: string
  readonly contentHash: string
  readonly familyNameKey: string
  readonly givenNameKey: string
}

const CONTENT_CONTEXT = 'license-content'
const CONTENT_HASH_BYTES = 16
// Valid fields hold no control characters, so that no two contents are written alike.
const SEPARATOR = '\u001f'
const ABSENT = '\u0000'

/** Derives the hash of a license's SSN, the hash of its board-owned fields and the keys of its names. */
export function deriveLicenseKeys(
  hash: KeyedHash,
  compact: string,
  license: LicenseRecord,
): LicenseKeys {
  return {
    ssnHash: hashSsn(hash, { compact, ssn: license.ssn }).toString('hex'),
    contentHash: hash(CONTENT_CONTEXT, toContent(license)).toString('hex', 0, CONTENT_HASH_BYTES),
    familyNameKey: foldName(license.familyName),
    givenNameKey: foldName(license.givenName),
  }
}

function toContent(license: LicenseRecord): string {
  let content = ''
  for (const field of boardFields) content += (license[field] ?? ABSENT) + SEPARATOR
  return content
}
