import type { Config } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { createTemporalClient } from '../connectors/temporal.ts'
import type { Verdict } from '../core/approval/approval.ts'
import { approvalWorkflowId } from '../core/approval/workflow.ts'
import { AppError } from '../core/errors.ts'
import { createPayloadCodec } from '../crypto/payload-codec.ts'
import { approvalMessages } from '../workflows/messages.ts'
import { findRunFile } from './run-file.ts'

export type VoteSignal = {
  readonly approvalId: string
  readonly verdict: Verdict
  readonly payload: {
    readonly actor: string
    readonly subjectHash: string
    readonly reason?: string
  }
}

/**
 * Votes by a plain signal to an approval's run, as an operator does from the Temporal UI; what became
 * of it is in the approval's history. Throws `not_found` for a run that has ended.
 */
export async function sendVoteSignal(config: Config, signal: VoteSignal): Promise<void> {
  const { namespace, connection } = config.temporal
  const ring = await loadKeyRing(config)
  const temporal = createTemporalClient({
    ...connection,
    address: await getAddress(config),
    namespace,
    codec: createPayloadCodec({ ring, namespace }),
  })
  try {
    const workflowId = approvalWorkflowId(signal.approvalId)
    await temporal.call(
      async (client) =>
        await client.workflow
          .getHandle(workflowId)
          .signal(approvalMessages[signal.verdict], signal.payload),
    )
  } finally {
    await temporal.close()
  }
}

async function getAddress({ temporal, dataDir }: Config): Promise<string> {
  const address = temporal.address ?? (await findRunFile(dataDir))?.temporalAddress
  if (address !== undefined) return address
  throw new AppError(
    'not_running',
    `Cannot find Temporal: set TEMPORAL_ADDRESS, or start Registrar on "${dataDir}"`,
    { status: 500 },
  )
}
