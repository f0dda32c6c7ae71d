import type { Queryable } from '../client.ts'

// Fewer rows change no plan, and autovacuum sees to them within minutes.
const MANY_ROWS = 5_000

/**
 * Lets the planner know of the rows that a large upload brought, for searches right after it would
 * otherwise read whole tables until autovacuum comes by. Tables that others analyze are left to them.
 */
export async function refreshStatistics(db: Queryable, uploadId: string): Promise<void> {
  const { rowCount } = await db.query(
    `select from uploads
      where id = $1::uuid and created + updated >= $2::bigint`,
    [uploadId, MANY_ROWS],
  )
  if (rowCount === 0) return
  await db.query('analyze (skip_locked) providers, provider_ssns, licenses, license_history')
}
