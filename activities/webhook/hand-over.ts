import { handOverStart, type TemporalClient } from '../../connectors/temporal.ts'
import type { Database } from '../../db/client.ts'
import type { QueuedWake } from '../../db/webhook/endpoints.ts'
import { deleteStart } from '../../db/workflow-starts.ts'

/** Wakes senders at once; whom Temporal does not reach now, the relay wakes later. */
export async function handOverWakes(
  { db, temporal }: { readonly db: Database; readonly temporal: TemporalClient },
  wakes: readonly QueuedWake[],
): Promise<void> {
  for (const { id, start } of wakes) {
    try {
      await handOverStart(temporal, start)
      await deleteStart(db, id)
    } catch {
      // It waits in the outbox.
      return
    }
  }
}
