import type { WebhookDeps } from '../activities/webhook/webhook-deps.ts'
import type { WorkerContext } from './context.ts'

/** What telling others works with, of a worker's process. */
export function createWebhookDeps(context: WorkerContext): WebhookDeps {
  const { db, temporal, http, cipher, webhookSinks, mailer, config, log } = context
  const { compacts, publicUrl } = config
  return { db, temporal, http, cipher, sinks: webhookSinks, mailer, compacts, publicUrl, log }
}
