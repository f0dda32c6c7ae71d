import type { Database } from '../../db/client.ts'
import { startRelay } from '../../workers/relay.ts'
import { taskQueues } from '../../workflows/messages.ts'
import { createTestWorker, silentLog, type TestTemporal } from './temporal.ts'

export type TestEngine = { readonly close: () => Promise<void> }

/**
 * Serves the product's own queue with these activities, and hands over what the product has queued.
 * The namespace is to be the test's own, since any worker of that queue takes what is started there.
 */
export async function startTestEngine(
  temporal: TestTemporal,
  { db, activities }: { readonly db: Database; readonly activities: object },
): Promise<TestEngine> {
  const worker = await createTestWorker(temporal, { taskQueue: taskQueues.registrar, activities })
  const relay = startRelay({ db, temporal: temporal.client, log: silentLog })
  return {
    async close() {
      await relay.close()
      await worker.close()
    },
  }
}
