/** A lane of a person's propagation: one sink, and the task queue on which it is worked. */
export type Lane = { readonly sink: string; readonly queue: string }

/** What of a configured sink decides its lane. */
export type LaneSink = { readonly name: string; readonly kind: string }

/**
 * The lane that tells every webhook endpoint, sinks and subscriptions alike. No sink has its name:
 * theirs begin with no colon.
 */
export const webhooksLane: Lane = { sink: ':webhooks', queue: 'sink-webhook' }

/** One lane per sink, side by side, and one for all webhooks. */
export function listLanes(sinks: readonly LaneSink[]): Lane[] {
  const own = sinks
    .filter(({ kind }) => kind !== 'webhook')
    .map(({ name, kind }) => ({ sink: name, queue: `sink-${kind}` }))
  const hasWebhooks = sinks.some(({ kind }) => kind === 'webhook')
  return hasWebhooks ? [...own, webhooksLane] : own
}
