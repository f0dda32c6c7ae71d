import {
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow'
import { ApprovalRun, type ApprovalRunOptions } from './approval-run.ts'
import type { Standing } from './approval-standing.ts'
import { approvalMessages, type VoteAnswer, type VoteMessage } from './messages.ts'

const vote = defineUpdate<VoteAnswer, [VoteMessage]>(approvalMessages.vote)
const approve = defineSignal<[unknown]>(approvalMessages.approve)
const deny = defineSignal<[unknown]>(approvalMessages.deny)
const changed = defineSignal<[unknown]>(approvalMessages.changed)
const readStanding = defineQuery<Standing | undefined>(approvalMessages.standing)

/**
 * Sees one approval through: takes votes, wakes at its times, brings its effect about or tells the
 * domain of another end. The state of record is in the database, where every change is one
 * transaction under the approval's lock; only ids, codes and counts come through here. A run that
 * has ended begins anew when there is more to do: a retry, a revocation.
 */
export async function approval(options: ApprovalRunOptions): Promise<{ readonly state: string }> {
  const run = new ApprovalRun(options)
  setHandler(vote, async (message) => await run.vote(message), {
    validator: (message) => run.checkVote(message),
  })
  setHandler(approve, (payload) => run.signal('approve', payload))
  setHandler(deny, (payload) => run.signal('deny', payload))
  setHandler(changed, () => run.wake())
  setHandler(readStanding, () => run.standing)
  const outcome = await run.carryOut()
  const { standing } = run
  if (outcome === 'paused') {
    const { opened: _opened, ...lasting } = options
    return await continueAsNew<typeof approval>({ ...lasting, ...(standing && { standing }) })
  }
  if (outcome === 'failed') throw createFailure(options.approvalId)
  return { state: standing?.state ?? 'ended' }
}

function createFailure(approvalId: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `Cannot apply approval "${approvalId}": see its failure code, and retry it by the API`,
    'apply_failed',
  )
}
