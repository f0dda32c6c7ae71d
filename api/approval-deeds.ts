import type { Deed } from '../db/approval/commands.ts'
import { withTransaction, type Transaction } from '../db/client.ts'
import { createRefusal } from './approval-refusals.ts'
import { viewApproval } from './approval-views.ts'
import type { ApiContext } from './context.ts'
import type { Reply } from './guard.ts'

/**
 * Does something to an approval in one transaction, tells its run, and answers with the approval as
 * it stands then; throws the refusal after what time itself had done is committed.
 */
export async function carryOut(
  { db, handOver }: Pick<ApiContext, 'db' | 'handOver'>,
  approvalId: string,
  work: (tx: Transaction) => Promise<Deed>,
): Promise<Reply> {
  const { refusal, queued } = await withTransaction(db, work)
  // Not awaited: the relay takes what Temporal does not.
  for (const { id, start } of queued) void handOver(id, start)
  const after = await viewApproval(db, approvalId)
  if (refusal) throw createRefusal(refusal, { approvalId, state: after.state })
  return { status: 200, body: after }
}
