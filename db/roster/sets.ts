import type { Database, Queryable } from '../client.ts'

// Of the sizes that a roster has, a sort or a hash table in memory is worth while.
const WORK_MEMORY = '64MB'

/**
 * Prepares a transaction for statements over whole rosters: whatever the planner knows of tables that
 * were filled a moment ago, it is to join them by hash, and neither sort them nor go row by row.
 */
export async function prepareSets(tx: Queryable): Promise<void> {
  await tx.query(`set local work_mem = '${WORK_MEMORY}'`)
  await tx.query('set local jit = off')
  await tx.query('set local enable_nestloop = off')
  await tx.query('set local enable_mergejoin = off')
}

/**
 * Prepares a transaction for looking up a page of records among all that there are: each by its key,
 * however few there were when the planner last counted them.
 */
export async function prepareLookups(tx: Queryable): Promise<void> {
  await tx.query(
    `select set_config(name, 'off', true)
     from unnest(array['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin',
       'enable_mergejoin']) as s (name)`,
  )
}

/** Lets the planner know of tables that a run has filled. */
export async function analyzeRosters(db: Database): Promise<void> {
  await db.query(
    `analyze roster_accounts (provider_id, id, is_active), roster_groups, roster_members,
       roster_records (provider_id, collection, id), roster_users (provider_id, id),
       roster_enrollments`,
  )
}
