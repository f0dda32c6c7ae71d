import { randomUUID } from 'node:crypto'
import type { RosterEventType } from '../../core/roster/run.ts'
import type { Queryable } from '../client.ts'

/** Says that a run has ended or is held, with its state and counts as they are in this transaction. */
export async function insertRosterEvent(
  tx: Queryable,
  runId: string,
  type: RosterEventType,
): Promise<void> {
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     select $2::uuid, $3::text, 'roster-runs/' || r.id, jsonb_build_object(
         'syncId', r.id, 'tenant', r.tenant, 'providerId', r.provider_id, 'mode', r.mode,
         'state', r.state, 'counts', r.counts), r.request_id
     from roster_runs r where r.id = $1::uuid`,
    [runId, randomUUID(), type],
  )
}
