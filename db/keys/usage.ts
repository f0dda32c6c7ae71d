import type { KeyRing } from '../../crypto/key-ring.ts'
import { countEndorsements } from '../audit/keys.ts'
import type { Queryable } from '../client.ts'
import { cipherColumns } from './cipher-columns.ts'

export type KeyUsage = {
  readonly id: string
  readonly inRing: boolean
  readonly current: boolean
  /** Kind of value → how many are under this key; kinds without any are left out. */
  readonly values: Readonly<Record<string, number>>
}

type Count = { readonly id: string; readonly name: string; readonly count: number }

/** Says for every key of the ring, and every key that a value names, what is stored under it. */
export async function listKeyUsage(db: Queryable, ring: KeyRing): Promise<KeyUsage[]> {
  const counts = [
    ...(await countDataKeys(db)),
    ...(await countSealKeys(db)),
    ...(await countCiphers(db)),
  ]
  const ids = new Set([...ring.ids, ...counts.map((count) => count.id)])
  return [...ids].toSorted().map((id) => ({
    id,
    inRing: ring.ids.includes(id),
    current: id === ring.currentId,
    values: Object.fromEntries(
      counts.filter((count) => count.id === id).map(({ name, count }) => [name, count]),
    ),
  }))
}

async function countDataKeys(db: Queryable): Promise<Count[]> {
  const { rows } = await db.query<Count>(
    `select wrapping_key_id as id, 'dataKeys' as name, count(*) as count
     from data_keys group by wrapping_key_id`,
  )
  return rows
}

async function countSealKeys(db: Queryable): Promise<Count[]> {
  const counts = await countEndorsements(db)
  return [...counts].map(([id, count]) => ({ id, name: 'sealKeys', count }))
}

async function countCiphers(db: Queryable): Promise<Count[]> {
  const columns = [
    ...cipherColumns,
    ...(await listStagingTables(db)).map((table) => ({
      name: 'stagedRows',
      table,
      column: 'ssn_cipher',
    })),
  ]
  const counts = columns.map(
    ({ name, table, column }) =>
      `select '${name}' as name, ${column} as cipher from ${table} where ${column} is not null`,
  )
  const { rows } = await db.query<Count>(
    `select convert_from(substring(cipher from 3 for get_byte(cipher, 1)), 'UTF8') as id, name,
       count(*) as count
     from (${counts.join(' union all ')}) stored
     group by 1, 2`,
  )
  return rows
}

// Rows of uploads in flight: they keep their key until they are applied.
async function listStagingTables(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name
     from information_schema.columns
     where table_schema = 'staging' and column_name = 'ssn_cipher'
     order by table_name`,
  )
  return rows.map((row) => row.name)
}
