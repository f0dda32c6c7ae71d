import type { Deed } from '../db/approval/commands.ts'
import { withTransaction, type Transaction } from '../db/client.ts'
import { createRefusal } from './approval-refusals.ts'
import { viewApproval } from './approval-views.ts'
import type { ApiContext } from './context.ts'
import type { Reply, RouteAuth, RouteRequest } from './guard.ts'

type Asked = Pick<RouteRequest<RouteAuth, unknown, unknown, unknown>, 'settle'> & {
  readonly approvalId: string
}

/**
 * Does something to an approval and answers with it as it stands then, in one transaction, and tells
 * its run; throws the refusal after what time itself had done is committed.
 */
export async function carryOut(
  { db, handOver }: Pick<ApiContext, 'db' | 'handOver'>,
  { approvalId, settle }: Asked,
  work: (tx: Transaction) => Promise<Deed>,
): Promise<Reply> {
  const { refusal, queued, body, reply } = await withTransaction(db, async (tx) => {
    const deed = await work(tx)
    const after = await viewApproval(tx, approvalId)
    const answer = { status: 200, body: after }
    return { ...deed, body: after, reply: deed.refusal ? answer : await settle(tx, answer) }
  })
  // Not awaited: the relay takes what Temporal does not.
  for (const { id, start } of queued) void handOver(id, start)
  if (refusal) throw createRefusal(refusal, { approvalId, state: body.state })
  return reply
}
