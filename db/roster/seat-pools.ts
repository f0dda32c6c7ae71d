import type { SeatPoolSettings } from '../../core/roster/seat-pool.ts'
import { getRow, type Queryable } from '../client.ts'

export type SeatPoolKey = { readonly tenant: string; readonly product: string }

export type SeatPool = SeatPoolKey & {
  readonly settings: SeatPoolSettings
  /** Seats that are active or being released. */
  readonly assigned: number
  /** Counts changes of the settings, from 1. */
  readonly version: number
}

export type CountedSeatPool = SeatPool & { readonly waiting: number }

const COLUMNS = 'tenant, product, settings, assigned, version'
const COUNTED = `p.tenant, p.product, p.settings, p.assigned, p.version,
  (select count(*) from seats s
   where s.tenant = p.tenant and s.product = p.product and s.state = 'waiting') as waiting`

/** The pools of a tenant by product, with how many wait. */
export async function listSeatPools(
  db: Queryable,
  {
    tenant,
    after,
    limit,
  }: { readonly tenant: string; readonly after: string; readonly limit: number },
): Promise<CountedSeatPool[]> {
  const { rows } = await db.query<CountedSeatPool>(
    `select ${COUNTED} from seat_pools p
     where tenant = $1::text and product > $2::text
     order by product limit $3::integer`,
    [tenant, after, limit],
  )
  return rows
}

/** The pool of a tenant's product with its counts, if there is one. */
export async function findSeatPool(
  db: Queryable,
  { tenant, product }: SeatPoolKey,
): Promise<CountedSeatPool | undefined> {
  const { rows } = await db.query<CountedSeatPool>(
    `select ${COUNTED} from seat_pools p where tenant = $1::text and product = $2::text`,
    [tenant, product],
  )
  return rows[0]
}

/** The products of which a tenant has pools, in the order in which they are locked. */
export async function listProducts(db: Queryable, tenant: string): Promise<string[]> {
  const { rows } = await db.query<{ product: string }>(
    'select product from seat_pools where tenant = $1::text order by product',
    [tenant],
  )
  return rows.map(({ product }) => product)
}

/** The pool, its row locked until the transaction ends: the one lock of all that its seats do. */
export async function lockSeatPool(
  tx: Queryable,
  { tenant, product }: SeatPoolKey,
): Promise<SeatPool | undefined> {
  const { rows } = await tx.query<SeatPool>(
    `select ${COLUMNS} from seat_pools
     where tenant = $1::text and product = $2::text for update`,
    [tenant, product],
  )
  return rows[0]
}

/** Makes the pool, or changes its settings; nobody is seated or released by it. */
export async function putSeatPool(
  tx: Queryable,
  { tenant, product, settings }: SeatPoolKey & Pick<SeatPool, 'settings'>,
): Promise<SeatPool> {
  const { rows } = await tx.query<SeatPool>(
    `insert into seat_pools (tenant, product, settings)
     values ($1::text, $2::text, $3::jsonb)
     on conflict (tenant, product) do update
       set settings = excluded.settings, version = seat_pools.version + 1,
         updated_at = clock_timestamp()
     returning ${COLUMNS}`,
    [tenant, product, JSON.stringify(settings)],
  )
  return getRow(rows, 'Cannot keep the settings of this product')
}

/** Notes how many seats are held, as they were counted under the pool's lock. */
export async function noteAssigned(
  tx: Queryable,
  { tenant, product, assigned }: SeatPoolKey & Pick<SeatPool, 'assigned'>,
): Promise<void> {
  await tx.query(
    `update seat_pools set assigned = $3::integer
     where tenant = $1::text and product = $2::text and assigned <> $3::integer`,
    [tenant, product, assigned],
  )
}
