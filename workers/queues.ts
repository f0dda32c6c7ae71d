import { AppError } from '../core/errors.ts'
import { isSinkQueue, sinkQueue, type LaneSink } from '../core/profile/lanes.ts'
import { taskQueues } from '../workflows/messages.ts'

// Deliveries that were asked for on the queue of a kind are tried again there, for up to 24 hours.
const KIND_QUEUES: readonly string[] = [
  taskQueues.sinkLdap,
  taskQueues.sinkAuth0,
  taskQueues.sinkSql,
]
const OTHER_QUEUES: readonly string[] = Object.values(taskQueues).filter(
  (queue) => !KIND_QUEUES.includes(queue),
)

/** The task queues of a worker that serves everything: one per sink, all webhooks sharing one. */
export function listQueues(sinks: readonly LaneSink[]): string[] {
  const own = sinks.filter(({ kind }) => kind !== 'webhook').map(({ name }) => sinkQueue(name))
  const kinds = KIND_QUEUES.filter((queue) => listOfKind(sinks, queue).length > 0)
  return [...OTHER_QUEUES, ...kinds, ...own]
}

/** Whether a worker may be told to serve a queue of this name, whichever sinks there are. */
export function isQueueName(name: string): boolean {
  return isSinkQueue(name) || OTHER_QUEUES.includes(name) || KIND_QUEUES.includes(name)
}

/**
 * The task queues that these names mean, where `sink-ldap` and the like stand for every sink of the
 * kind; throws `unknown_sink` for the queue of a sink that is not configured.
 */
export function selectQueues(names: readonly string[], sinks: readonly LaneSink[]): string[] {
  const known = listQueues(sinks)
  const unknown = names.find((name) => isSinkQueue(name) && !known.includes(name))
  if (unknown !== undefined) {
    throw new AppError(
      'unknown_sink',
      `Cannot serve the queue "${unknown}": SINKS_FILE names no such sink, or it is a webhook`,
      { status: 500, expose: true },
    )
  }
  return [...new Set(names.flatMap((name) => [name, ...listOfKind(sinks, name)]))]
}

function listOfKind(sinks: readonly LaneSink[], queue: string): string[] {
  if (!KIND_QUEUES.includes(queue)) return []
  return sinks.filter(({ kind }) => queue === `sink-${kind}`).map(({ name }) => sinkQueue(name))
}
