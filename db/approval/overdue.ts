import { withTransaction, type Database } from '../client.ts'
import { enqueueWake } from './open.ts'

export type OverdueOptions = {
  /** A run that has had so long wants no waking. */
  readonly patienceSeconds: number
  readonly limit: number
}

type OverdueRow = {
  readonly id: string
  readonly type: string
  readonly subject_type: string
  readonly subject_id: string
  readonly subject_hash: string
  readonly request_id: string
}

/**
 * Wakes the runs of approvals that should have done something by now and did not, because somebody
 * ended them or Temporal lost them; returns how many. Safe beside others.
 */
export async function wakeOverdueApprovals(db: Database, options: OverdueOptions): Promise<number> {
  return await withTransaction(db, async (tx) => {
    const { rows } = await tx.query<OverdueRow>(
      `update approvals a
       set wake_at = clock_timestamp()
       from (
         select id from approvals
         where wake_at < clock_timestamp() - make_interval(secs => $1::float8)
         order by wake_at
         limit $2::integer
         for update skip locked
       ) due
       where a.id = due.id
       returning a.id, a.type, a.subject_type, a.subject_id, a.subject_hash, a.request_id`,
      [options.patienceSeconds, options.limit],
    )
    for (const { id, type, request_id: requestId, ...row } of rows) {
      const subject = { type: row.subject_type, id: row.subject_id, hash: row.subject_hash }
      await enqueueWake(tx, { id, type, subject }, { requestId })
    }
    return rows.length
  })
}
