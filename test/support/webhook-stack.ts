import { randomUUID } from 'node:crypto'
import { withFailures } from '../../activities/failures.ts'
import { createSinkActivities } from '../../activities/sink.ts'
import type { WebhookDeps } from '../../activities/webhook/webhook-deps.ts'
import type { Database } from '../../db/client.ts'
import {
  createTestNamespace,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from './temporal.ts'
import { createWebhookFixture, type WebhookFixture } from './webhooks.ts'

/** Workers of the two queues that webhooks are told on, in a namespace of their own. */
export type WebhookStack = {
  readonly temporal: TestTemporal
  readonly fixture: WebhookFixture
  /** Ends the workers, as a deployment does, and starts others. */
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Starts them; payloads stay readable, so that histories can be kept. */
export async function startWebhookStack(
  db: Database,
  overrides: Partial<WebhookDeps> = {},
): Promise<WebhookStack> {
  const namespace = `webhooks-${randomUUID()}`
  const temporal = await createTestNamespace({ namespace, plain: true })
  const { ring, client } = temporal
  const fixture = createWebhookFixture(db, ring, { temporal: client, ...overrides })
  const activities = withFailures({
    ...fixture.activities,
    ...createSinkActivities({ db, sinks: new Map() }),
  })
  const start = async (): Promise<TestWorker[]> => {
    const queues = ['registrar', 'sink-webhook']
    return await Promise.all(
      queues.map(async (taskQueue) => await createTestWorker(temporal, { activities, taskQueue })),
    )
  }
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map(async (worker) => await worker.close()))
  }
  let workers = await start()
  return {
    temporal,
    fixture,
    async restart() {
      await stop()
      workers = await start()
    },
    async close() {
      await stop()
      fixture.close()
      await temporal.close()
    },
  }
}
