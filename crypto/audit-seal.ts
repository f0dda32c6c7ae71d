import { createHash, sign, verify, type KeyObject } from 'node:crypto'
import type { AuditSeal, SealStatement } from '../core/audit/record.ts'
import { createEd25519KeyPair } from './ed25519.ts'
import type { KeyRing } from './key-ring.ts'

/** What a seal remembers of one entry. */
export type SealLeaf = { readonly seq: number; readonly prefix: Buffer }

/** `previous` of the first seal. */
export const FIRST_PREVIOUS = '00'.repeat(32)

/** How many bytes of an entry's digest its leaf keeps. */
export const LEAF_PREFIX_BYTES = 8

const LEAF_BYTES = 8 + LEAF_PREFIX_BYTES

/** Signs a statement with the ring's current key. */
export function sealStatement(ring: KeyRing, statement: SealStatement): AuditSeal {
  const hash = hashStatement(statement)
  const { privateKey } = createEd25519KeyPair(ring.derive('seal', ring.currentId))
  const signature = sign(null, hash, privateKey).toString('base64')
  return {
    kind: 'seal',
    ...statement,
    hash: hash.toString('hex'),
    kid: ring.currentId,
    signature,
  }
}

/** Whether the hash is that of the seal's statement and the key signed it. */
export function isSealGenuine(seal: AuditSeal, publicKey: KeyObject): boolean {
  const hash = hashStatement(seal)
  const signature = Buffer.from(seal.signature, 'base64')
  return (
    hash.toString('hex') === seal.hash &&
    signature.toString('base64') === seal.signature &&
    verify(null, hash, publicKey, signature)
  )
}

/** The leaves of a seal in order of seq. */
export function listSealLeaves(seal: SealStatement): SealLeaf[] {
  const bytes = Buffer.from(seal.leaves, 'base64')
  return Array.from({ length: Math.floor(bytes.length / LEAF_BYTES) }, (_, index) => {
    const start = index * LEAF_BYTES
    return {
      seq: Number(bytes.readBigInt64BE(start)),
      prefix: bytes.subarray(start + 8, start + LEAF_BYTES),
    }
  })
}

function hashStatement(statement: SealStatement): Buffer {
  const { from, to, entries, at, digest, leaves, previous } = statement
  const text = JSON.stringify([
    'registrar-audit-seal/v1',
    from,
    to,
    entries,
    at,
    digest,
    leaves,
    previous,
  ])
  return createHash('sha256').update(text).digest()
}
