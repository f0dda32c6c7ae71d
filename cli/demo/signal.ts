import type { Config } from '../../config/config.ts'
import { createTemporalClient } from '../../connectors/temporal.ts'
import { approvalMessages } from '../../workflows/messages.ts'
import type { RunFile } from '../run-file.ts'

/** Votes for an approval by a signal to its run. */
export type SignalVote = (
  workflowId: string,
  vote: { readonly actor: string; readonly subjectHash: string },
) => Promise<void>

/** Sends signals in the clear, as the Temporal UI and CLI do. */
export function createSignalVote(config: Config, run: RunFile): SignalVote {
  return async (workflowId, vote) => {
    const client = createTemporalClient({
      ...config.temporal.connection,
      address: run.temporalAddress,
      namespace: run.temporalNamespace,
      codec: {
        encode: async (payloads) => await Promise.resolve(payloads),
        decode: async (payloads) => await Promise.resolve(payloads),
      },
    })
    try {
      await client.call(
        async ({ workflow }) =>
          await workflow.getHandle(workflowId).signal(approvalMessages.approve, vote),
      )
    } finally {
      await client.close()
    }
  }
}
