import { randomUUID } from 'node:crypto'
import { appendAudit } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { countDone } from './rollback-plan.ts'
import type { RollbackScope } from './rollback-apply.ts'
import { supersedeBrokenPlans } from './rollback-supersede.ts'
import { lockRollback, markRollbackApplied } from './rollbacks.ts'

/** True once a license of the plan was dealt with. */
export async function hasBegun(tx: Queryable, rollbackId: string): Promise<boolean> {
  const { rows } = await tx.query<{ begun: boolean }>(
    `select exists (
       select from license_rollback_items
       where rollback_id = $1::uuid and outcome is not null and action <> 'keep'
     ) as begun`,
    [rollbackId],
  )
  return rows[0]?.begun ?? false
}

/** Closes the books of a rollback once all licenses are dealt with: counts, audit entry, event. */
export async function finishRollback(tx: Queryable, scope: RollbackScope): Promise<void> {
  const { id } = scope.rollback
  const { state, compact, jurisdiction, target, requestId } = await lockRollback(tx, id)
  if (state !== 'applying') return
  const counts = await countDone(tx, id)
  await markRollbackApplied(tx, id, counts)
  const { approvalId = '' } = scope.rollback
  await appendAudit(tx, [
    {
      actor: scope.actor,
      action: 'license-rollback.applied',
      subject: { type: target.kind, id: target.id },
      cause: { requestId, rollbackId: id, approvalId, ...counts },
    },
  ])
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     values ($1::uuid, 'license.rollback', $2::text, $3::jsonb, $4::text)`,
    [
      randomUUID(),
      `license-rollbacks/${id}`,
      JSON.stringify({
        rollbackId: id,
        compact,
        jurisdiction,
        ...(target.kind === 'upload' ? { uploadId: target.id } : { undoes: target.id }),
        counts,
      }),
      requestId,
    ],
  )
  await supersedeBrokenPlans(tx, { compact, jurisdiction, requestId })
}
