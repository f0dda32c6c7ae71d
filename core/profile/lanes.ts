import { wantsPersons } from '../webhook/events.ts'

const SINK_QUEUE_PREFIX = 'sink:'

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

/** The task queue of one sink: what another one of its kind does there holds it up in nothing. */
export function sinkQueue(name: string): string {
  return `${SINK_QUEUE_PREFIX}${name}`
}

/** Whether a task queue is that of one sink. */
export function isSinkQueue(queue: string): boolean {
  return queue.startsWith(SINK_QUEUE_PREFIX)
}

/** One lane per sink, side by side, and one for all webhooks. */
export function listLanes(sinks: readonly LaneSink[]): Lane[] {
  const own = sinks
    .filter(({ kind }) => kind !== 'webhook')
    .map(({ name }) => ({ sink: name, queue: sinkQueue(name) }))
  const hasWebhooks = listPersonSinks(sinks).some(({ kind }) => kind === 'webhook')
  return hasWebhooks ? [...own, webhooksLane] : own
}

// The worker refuses settings that are no list of texts.
function toPatterns(events: unknown): string[] {
  return Array.isArray(events) ? events.filter((event) => typeof event === 'string') : []
}
