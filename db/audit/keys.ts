import {
  endorseSealKey,
  isEndorsedBy,
  listRingSealKeys,
  type EndorsedKey,
} from '../../crypto/audit-keys.ts'
import type { Ed25519Jwk } from '../../crypto/ed25519.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { Queryable } from '../client.ts'

/** Keeps the public half of the ring's current key, so that its seals are verified when it has left the ring. */
export async function storeSealKey(db: Queryable, ring: KeyRing): Promise<void> {
  for (const jwk of listRingSealKeys(ring).filter((key) => key.kid === ring.currentId))
    await upsertSealKey(db, endorseSealKey(ring, jwk.kid, jwk.x))
}

/** The public keys that may have signed seals: the ring's, and stored ones that a key of the ring stands for. */
export async function listSealKeys(db: Queryable, ring: KeyRing): Promise<Ed25519Jwk[]> {
  const own = listRingSealKeys(ring)
  const stored = (await listStoredKeys(db)).filter(
    (key) => !ring.ids.includes(key.kid) && isEndorsedBy(ring, key),
  )
  return [...own, ...stored.map(toJwk)]
}

/** Has the ring's current key stand for every stored key that is believed now; answers their number. */
export async function endorseStoredKeys(db: Queryable, ring: KeyRing): Promise<number> {
  const stale = (await listStoredKeys(db)).filter(
    (key) => key.endorsedBy !== ring.currentId && isEndorsedBy(ring, key),
  )
  for (const key of stale) await upsertSealKey(db, endorseSealKey(ring, key.kid, key.publicKey))
  return stale.length
}

/** The ring key that stands for each stored key, and how many it stands for. */
export async function countEndorsements(db: Queryable): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const key of await listStoredKeys(db))
    counts.set(key.endorsedBy, (counts.get(key.endorsedBy) ?? 0) + 1)
  return counts
}

function toJwk({ kid, publicKey }: EndorsedKey): Ed25519Jwk {
  return { kty: 'OKP', crv: 'Ed25519', x: publicKey, kid, use: 'sig' }
}

async function listStoredKeys(db: Queryable): Promise<EndorsedKey[]> {
  const { rows } = await db.query<EndorsedKey>(
    `select kid, public_key as "publicKey", endorsed_by as "endorsedBy", endorsement
     from audit_keys order by kid`,
  )
  return rows
}

async function upsertSealKey(db: Queryable, key: EndorsedKey): Promise<void> {
  await db.query(
    `insert into audit_keys (kid, public_key, endorsed_by, endorsement)
     values ($1::text, $2::text, $3::text, $4::bytea)
     on conflict (kid) do update set public_key = excluded.public_key,
       endorsed_by = excluded.endorsed_by, endorsement = excluded.endorsement
       where audit_keys.endorsement <> excluded.endorsement`,
    [key.kid, key.publicKey, key.endorsedBy, key.endorsement],
  )
}
