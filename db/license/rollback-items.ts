import type { KeepReason, RollbackAction } from '../../core/license/rollback.ts'
import type { Queryable } from '../client.ts'

/** What becomes of one license. */
export type RollbackItem = {
  readonly position: number
  readonly providerId: string
  readonly licenseType: string
  readonly action: RollbackAction
  readonly reason: KeepReason | null
  readonly outcome: 'done' | 'kept' | null
}

/** The plan of a rollback, license by license. */
export async function listRollbackItems(
  db: Queryable,
  query: {
    readonly rollbackId: string
    readonly action: RollbackAction | undefined
    /** The last position seen. */
    readonly after: number
    readonly limit: number
  },
): Promise<RollbackItem[]> {
  const { rows } = await db.query<RollbackItem>(
    `select position, provider_id as "providerId", license_type as "licenseType", action, reason,
       outcome
     from license_rollback_items
     where rollback_id = $1::uuid and ($2::text is null or action = $2::text)
       and position > $3::bigint
     order by position
     limit $4::integer`,
    [query.rollbackId, query.action ?? null, query.after, query.limit],
  )
  return rows
}
