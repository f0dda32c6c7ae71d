import { sendUpdate } from '../connectors/temporal-update.ts'
import { isPending, type ApprovalState } from '../core/approval/approval.ts'
import type { Refusal } from '../core/approval/step.ts'
import { isAppError } from '../core/errors.ts'
import { enqueueWake, type QueuedRun } from '../db/approval/open.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import { judgeVote, recordVote, type VoteRequest } from '../db/approval/votes.ts'
import { withTransaction } from '../db/client.ts'
import { approvalMessages, type VoteAnswer, type VoteMessage } from '../workflows/messages.ts'
import type { ApiContext } from './context.ts'

export type CastVote = {
  readonly stored: StoredApproval
  readonly vote: VoteRequest
  readonly traceparent: string | undefined
}

/** Why a vote counts nothing; undefined for one that was taken. */
export type VoteOutcome = { readonly refusal: Refusal | undefined }

type Context = Pick<ApiContext, 'db' | 'temporal' | 'voteLanes' | 'handOver' | 'log'>

// A caller waits no longer for a run that does not answer: no worker runs, or Temporal is away.
const ANSWER_MS = 3_000

/**
 * Casts a vote by an update of the approval's run. Where the run does not take it, the vote is judged
 * here, by the same rules under the same lock, and the run is told: votes count while Temporal is
 * away. However it goes, one vote is judged once.
 */
export async function castVote(context: Context, cast: CastVote): Promise<VoteOutcome> {
  const recorded = await record(context, cast)
  const answered = await askRun(context, recorded)
  if (answered) return answered
  const { queued, refusal } = await judgeHere(context, recorded)
  // Not awaited: the relay takes what Temporal does not.
  for (const { id, start } of queued) void context.handOver(id, start)
  return { refusal }
}

/**
 * Casts a vote without asking its run, for many at once. The relay tells their runs in its own time:
 * hundreds of calls to Temporal would crowd out everybody else's.
 */
export async function castVoteHere(
  { db }: Pick<Context, 'db'>,
  cast: CastVote,
): Promise<VoteOutcome & { readonly state: ApprovalState }> {
  const { refusal, state } = await judgeHere({ db }, await record({ db }, cast))
  return { refusal, state }
}

async function record({ db }: Pick<Context, 'db'>, cast: CastVote): Promise<CastVote> {
  return { ...cast, vote: { ...cast.vote, voteId: await recordVote(db, cast.vote) } }
}

// Undefined when the run is not there, does not answer, or refuses at once: that is to be written down.
async function askRun(
  { temporal, voteLanes, log }: Context,
  { stored, vote }: CastVote,
): Promise<VoteOutcome | undefined> {
  if (!temporal || !isPending(stored.approval.state)) return undefined
  const { workflowId } = stored
  const { voteId, subjectHash, requestId } = vote
  const input: VoteMessage = { voteId, subjectHash }
  const update = { workflowId, name: approvalMessages.vote, updateId: voteId, input }
  try {
    const answer = await voteLanes.run(
      workflowId,
      async () => await sendUpdate(temporal, update, { deadlineMs: ANSWER_MS }),
    )
    if (answer.refused) return undefined
    const { refusal } = answer.value as VoteAnswer // what our own workflow returns
    return { refusal: refusal as Refusal | undefined }
  } catch (error) {
    if (!isAppError(error)) throw error
    log.info({ code: error.code, requestId }, 'vote judged without its run')
    return undefined
  }
}

async function judgeHere(
  { db }: Pick<Context, 'db'>,
  { stored, vote, traceparent }: CastVote,
): Promise<VoteOutcome & { readonly state: ApprovalState; readonly queued: readonly QueuedRun[] }> {
  const { approvalId, voteId, requestId } = vote
  const queued: QueuedRun[] = []
  const { refusal, stored: after } = await withTransaction(db, async (tx) => {
    const judgement = await judgeVote(tx, { approvalId, voteId })
    if (judgement.isChange) queued.push(await enqueueWake(tx, stored, { requestId, traceparent }))
    return judgement
  })
  return { refusal, state: after.approval.state, queued }
}
