import { createPublicKey } from 'node:crypto'
import type { Attribute } from '../core/profile/document.ts'
import { isSignedBy } from './profile-signature.ts'
import type { Publishers } from './publishers.ts'

/**
 * How an attribute's signature stands: `current` (by the key that its publisher signs with now, or one
 * that counts where none is here), `renewable` (by another of its keys, and one to sign with is here),
 * `expired` (by a key that no longer counts, and none is here), `key_gone` (by no key that is known).
 */
export type SignatureStanding = 'current' | 'renewable' | 'expired' | 'key_gone'

/** Judges the signature of an attribute that holds something. */
export function judgeSignature(
  attribute: Attribute,
  publishers: Publishers,
  at: Date,
): SignatureStanding {
  const { name } = attribute.signature.publisher
  const signer = publishers.findSigner(name, at)
  const good = signer ? [createPublicKey(signer.key)] : publishers.keysOf(name, at)
  if (isSignedBy(attribute, good)) return 'current'
  if (!isSignedBy(attribute, publishers.allKeysOf(name))) return 'key_gone'
  return signer ? 'renewable' : 'expired'
}
