import { createFieldCipher, fieldCipherPrefix } from '../../crypto/field-cipher.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { appendAudit } from '../audit.ts'
import { endorseStoredKeys } from '../audit/keys.ts'
import { withTransaction, type Database, type Queryable } from '../client.ts'
import { rewrapDataKeys } from '../data-keys.ts'
import { cipherColumns, type CipherColumn, type RowKey } from './cipher-columns.ts'

export type RotationOptions = {
  readonly ring: KeyRing
  readonly actor: string
  /** Told after each batch how many values of a kind have been encrypted anew. */
  readonly onProgress?: (name: string, count: number) => void
}

/** Kind of value → how many were brought under the ring's current key. */
export type RotationCounts = Readonly<Record<string, number>>

const BATCH_SIZE = 1_000

/**
 * Brings every stored value under the ring's current key, batch by batch: one that was interrupted is
 * simply run again. The values themselves, and so all keyed hashes, stay the same.
 */
export async function rotateKeys(db: Database, options: RotationOptions): Promise<RotationCounts> {
  const { ring, actor } = options
  const counts: Record<string, number> = await withTransaction(db, async (tx) => ({
    dataKeys: await rewrapDataKeys(tx, ring),
    sealKeys: await endorseStoredKeys(tx, ring),
  }))
  for (const target of cipherColumns)
    counts[target.name] = await rotateColumn(db, { ...options, target })
  const subject = { type: 'key-ring', id: ring.currentId }
  await appendAudit(db, [{ actor, action: 'keys.rotated', subject, cause: counts }])
  return counts
}

type ColumnRotation = Pick<RotationOptions, 'ring' | 'onProgress'> & {
  readonly target: CipherColumn
}

async function rotateColumn(db: Queryable, rotation: ColumnRotation): Promise<number> {
  const { target, ring, onProgress } = rotation
  const cipher = createFieldCipher(ring)
  const prefix = fieldCipherPrefix(ring.currentId)
  let count = 0
  for (let after: RowKey | undefined, isMore = true; isMore;) {
    const rows = await listOutdated(db, { target, prefix, after })
    const renewed = rows.map((row) => {
      const context = target.toContext(row.key)
      return { ...row, renewed: cipher.encrypt(cipher.decrypt(row.cipher, context), context) }
    })
    count += await replaceCiphers(db, target, renewed)
    onProgress?.(target.name, count)
    after = rows.at(-1)?.key ?? after
    isMore = rows.length === BATCH_SIZE
  }
  return count
}

type OutdatedPage = {
  readonly target: CipherColumn
  /** What up-to-date ciphers begin with. */
  readonly prefix: Buffer
  readonly after: RowKey | undefined
}

type StoredCipher = { readonly key: RowKey; readonly cipher: Buffer }

async function listOutdated(db: Queryable, page: OutdatedPage): Promise<StoredCipher[]> {
  const { table, column, key } = page.target
  const names = key.map(({ name }) => name).join(', ')
  const texts = key.map(({ name }) => `'${name}', ${name}::text`).join(', ')
  const bounds = key.map(({ type }, index) => `$${index + 3}::${type}`).join(', ')
  const { after } = page
  const { rows } = await db.query<StoredCipher>(
    `select json_build_object(${texts}) as key, ${column} as cipher
     from ${table}
     where substring(${column} for $1::integer) <> $2::bytea
       ${after ? `and (${names}) > (${bounds})` : ''}
     order by ${names}
     limit ${BATCH_SIZE}`,
    [page.prefix.length, page.prefix, ...(after ? key.map(({ name }) => after[name]) : [])],
  )
  return rows
}

type RenewedCipher = StoredCipher & { readonly renewed: Buffer }

// A value that changed in the meantime is left alone: whoever changed it used a key of today.
async function replaceCiphers(
  db: Queryable,
  { table, column, key }: CipherColumn,
  rows: readonly RenewedCipher[],
): Promise<number> {
  const arrays = key.map((_, index) => `$${index + 3}::text[]`).join(', ')
  const names = key.map(({ name }) => name).join(', ')
  const matches = key.map(({ name, type }) => `stored.${name} = fresh.${name}::${type}`)
  const { rowCount } = await db.query(
    `update ${table} stored set ${column} = fresh.renewed
     from unnest($1::bytea[], $2::bytea[], ${arrays}) as fresh (cipher, renewed, ${names})
     where ${matches.join(' and ')} and stored.${column} = fresh.cipher`,
    [
      rows.map((row) => row.cipher),
      rows.map((row) => row.renewed),
      ...key.map(({ name }) => rows.map((row) => row.key[name])),
    ],
  )
  return rowCount ?? 0
}
