import { randomBytes } from 'node:crypto'
import { getRow, type Queryable } from './client.ts'
import { createFieldCipher } from '../crypto/field-cipher.ts'
import type { KeyRing } from '../crypto/key-ring.ts'

const HASH_PURPOSE = 'hash'
const KEY_BYTES = 32

type WrappedKey = { readonly wrapped: Buffer }

/** The database's 32-byte key for keyed hashes, made on first use; rotating the ring never changes it. */
export async function loadHashKey(db: Queryable, ring: KeyRing): Promise<Buffer> {
  const cipher = createFieldCipher(ring)
  const context = dataKeyContext(HASH_PURPOSE)
  const known = await findWrappedKey(db, HASH_PURPOSE)
  if (known) return cipher.decrypt(known.wrapped, context)
  await insertDataKey(db, {
    purpose: HASH_PURPOSE,
    wrappingKeyId: ring.currentId,
    wrapped: cipher.encrypt(randomBytes(KEY_BYTES), context),
  })
  // Another process may have been first: the stored key counts.
  const stored = await findWrappedKey(db, HASH_PURPOSE)
  const { wrapped } = getRow(stored ? [stored] : [], `Cannot find data key "${HASH_PURPOSE}"`)
  return cipher.decrypt(wrapped, context)
}

/** Wraps every data key with the ring's current key, the keys themselves unchanged; answers how many. */
export async function rewrapDataKeys(db: Queryable, ring: KeyRing): Promise<number> {
  const cipher = createFieldCipher(ring)
  const { rows } = await db.query<WrappedKey & { readonly purpose: string }>(
    'select purpose, wrapped from data_keys where wrapping_key_id <> $1::text',
    [ring.currentId],
  )
  for (const { purpose, wrapped } of rows) {
    const context = dataKeyContext(purpose)
    await updateDataKey(db, {
      purpose,
      wrappingKeyId: ring.currentId,
      wrapped: cipher.encrypt(cipher.decrypt(wrapped, context), context),
    })
  }
  return rows.length
}

// What a wrapped data key is bound to.
function dataKeyContext(purpose: string): string {
  return `data-key:${purpose}`
}

async function findWrappedKey(db: Queryable, purpose: string): Promise<WrappedKey | undefined> {
  const { rows } = await db.query<WrappedKey>(
    'select wrapped from data_keys where purpose = $1::text',
    [purpose],
  )
  return rows[0]
}

type NewDataKey = {
  readonly purpose: string
  readonly wrappingKeyId: string
  readonly wrapped: Buffer
}

async function insertDataKey(db: Queryable, key: NewDataKey): Promise<void> {
  await db.query(
    `insert into data_keys (purpose, wrapping_key_id, wrapped)
     values ($1::text, $2::text, $3::bytea)
     on conflict (purpose) do nothing`,
    [key.purpose, key.wrappingKeyId, key.wrapped],
  )
}

async function updateDataKey(db: Queryable, key: NewDataKey): Promise<void> {
  await db.query(
    `update data_keys set wrapping_key_id = $2::text, wrapped = $3::bytea
     where purpose = $1::text`,
    [key.purpose, key.wrappingKeyId, key.wrapped],
  )
}
