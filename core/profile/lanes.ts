import { wantsPersons } from '../webhook/events.ts'

/** A lane of a person's propagation: one sink, and the task queue on which it is worked. */
export type Lane = { readonly sink: string; readonly queue: string }

/** What of a configured sink decides its lane. */
export type LaneSink = {
  readonly name: string
  readonly kind: string
  /** Of a webhook: what it wants to be told of. */
  readonly events?: unknown
}

/**
 * The lane that tells every webhook endpoint, sinks and subscriptions alike. No sink has its name:
 * theirs begin with no colon.
 */
export const webhooksLane: Lane = { sink: ':webhooks', queue: 'sink-webhook' }

/** The sinks that changes of persons go to: all but webhooks that want other events alone. */
export function listPersonSinks<T extends LaneSink>(sinks: readonly T[]): T[] {
  return sinks.filter(({ kind, events }) => kind !== 'webhook' || wantsPersons(toPatterns(events)))
}

/** One lane per sink, side by side, and one for all webhooks. */
export function listLanes(sinks: readonly LaneSink[]): Lane[] {
  const own = sinks
    .filter(({ kind }) => kind !== 'webhook')
    .map(({ name, kind }) => ({ sink: name, queue: `sink-${kind}` }))
  const hasWebhooks = listPersonSinks(sinks).some(({ kind }) => kind === 'webhook')
  return hasWebhooks ? [...own, webhooksLane] : own
}

// The worker refuses settings that are no list of texts.
function toPatterns(events: unknown): string[] {
  return Array.isArray(events) ? events.filter((event) => typeof event === 'string') : []
}
