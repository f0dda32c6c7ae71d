import { withHeartbeat } from './heartbeat.ts'
import { drainEndpoint, type Drained } from './webhook/drain.ts'
import { publishProfileEvent } from './webhook/publish.ts'
import type { WebhookDeps } from './webhook/webhook-deps.ts'

/** The activities that tell others; only ids, serials and counts go in and out. */
export type WebhookActivities = {
  /** Sends what is due at an endpoint, and says when something is due next. */
  readonly drainEndpoint: (input: { readonly endpointId: string }) => Promise<Drained>
  /**
   * Queues what is new about a person at every endpoint that wants it and may, and wakes their
   * senders. Answers the serial up to which that is done.
   */
  readonly publishProfileEvent: (input: {
    readonly profileId: string
  }) => Promise<{ readonly serial: number }>
}

/** Creates the activities of webhooks. */
export function createWebhookActivities(deps: WebhookDeps): WebhookActivities {
  return {
    drainEndpoint: async ({ endpointId }) =>
      await withHeartbeat(async () => await drainEndpoint(deps, endpointId)),
    publishProfileEvent: async ({ profileId }) => await publishProfileEvent(deps, profileId),
  }
}
