import { boardFields } from '../../core/license/stored-license.ts'
import { foldName } from '../../core/license/fold-name.ts'
import type { KeyedHexHash } from '../../crypto/keyed-hex-hash.ts'
import { encodeBoardFields } from '../../db/license/copy-text.ts'
import type { ItemKeys, UnkeyedItem } from '../../db/license/rollback-plan.ts'
import { hashContent } from './license-keys.ts'

/** Derives the keys of former content, as the ingest would if a board sent it again. */
export function deriveItemKeys(
  hash: KeyedHexHash,
  { position, licenseType, content }: UnkeyedItem,
): ItemKeys {
  const fields = Object.fromEntries(boardFields.map((field) => [field, content[field]]))
  return {
    position,
    familyNameKey: foldName(content['familyName'] ?? ''),
    givenNameKey: foldName(content['givenName'] ?? ''),
    contentHash: hashContent(hash, { licenseType, content: encodeBoardFields(fields) }),
  }
}
