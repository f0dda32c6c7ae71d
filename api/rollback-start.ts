import { randomUUID } from 'node:crypto'
import type { RollbackTarget } from '../core/license/rollback.ts'
import type { WorkflowStart } from '../core/workflow-start.ts'
import { appendAudit } from '../db/audit.ts'
import { withTransaction } from '../db/client.ts'
import { insertRollback, type NewRollback, type Rollback } from '../db/license/rollbacks.ts'
import { enqueueStart } from '../db/workflow-starts.ts'
import { licenseRollbackWorkflowId, taskQueues, workflowTypes } from '../workflows/messages.ts'
import type { ApiContext } from './context.ts'

export type RollbackRequest = Omit<NewRollback, 'id' | 'target'> & {
  readonly target: RollbackTarget
}

/** Writes down that a rollback is wanted, and starts the run that plans it. */
export async function startRollback(
  { db, handOver }: Pick<ApiContext, 'db' | 'handOver'>,
  request: RollbackRequest,
): Promise<Rollback> {
  const id = randomUUID()
  const start = createRollbackStart(id, request)
  const { rollback, queued } = await withTransaction(db, async (tx) => {
    const inserted = await insertRollback(tx, { ...request, id })
    const { target, requestedBy, requestId, dryRun } = request
    await appendAudit(tx, [
      {
        actor: requestedBy,
        action: 'license-rollback.requested',
        subject: { type: target.kind, id: target.id },
        cause: { requestId, rollbackId: id, dryRun: String(dryRun) },
      },
    ])
    return { rollback: inserted, queued: await enqueueStart(tx, start) }
  })
  // Not awaited: the relay takes what Temporal does not.
  void handOver(queued, start)
  return rollback
}

function createRollbackStart(
  rollbackId: string,
  { compact, jurisdiction, requestId, traceparent }: RollbackRequest,
): WorkflowStart {
  return {
    workflowId: licenseRollbackWorkflowId(rollbackId),
    workflowType: workflowTypes.licenseRollback,
    taskQueue: taskQueues.registrar,
    input: { rollbackId },
    summary: `License rollback of ${compact}/${jurisdiction}`,
    requestId,
    traceparent,
    searchAttributes: {
      RegistrarDomain: 'license',
      RegistrarCompact: compact,
      RegistrarJurisdiction: jurisdiction,
    },
  }
}
