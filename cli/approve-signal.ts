import type { Config } from '../config/config.ts'
import type { Verdict } from '../core/approval/approval.ts'
import { AppError, isAppError } from '../core/errors.ts'
import { approvalMessages } from '../workflows/messages.ts'

export type VoteSignal = {
  readonly workflowId: string
  readonly verdict: Verdict
  readonly vote: {
    readonly actor: string
    readonly subjectHash: string
    readonly reason?: string
  }
}

/**
 * Votes by a signal in the clear to an approval's run, as the Temporal UI and CLI do; what became of
 * it is in the approval's history. Throws `run_not_found` for a run that has ended.
 */
export async function sendVoteSignal(
  { temporal: { connection } }: Pick<Config, 'temporal'>,
  server: { readonly address: string; readonly namespace: string },
  { workflowId, verdict, vote }: VoteSignal,
): Promise<void> {
  // Other commands start without the SDK.
  const { createTemporalClient } = await import('../connectors/temporal.ts')
  const temporal = createTemporalClient({
    ...connection,
    ...server,
    codec: {
      encode: async (payloads) => await Promise.resolve(payloads),
      decode: async (payloads) => await Promise.resolve(payloads),
    },
  })
  try {
    await temporal.call(
      async ({ workflow }) =>
        await workflow.getHandle(workflowId).signal(approvalMessages[verdict], vote),
    )
  } catch (error) {
    if (!isAppError(error, 'run_not_found')) throw error
    throw new AppError(
      error.code,
      'Cannot signal this approval: no run of it takes votes; it is closed, or was opened just now',
      { status: error.status },
    )
  } finally {
    await temporal.close()
  }
}
