import { handOverWakes } from '../activities/webhook/hand-over.ts'
import { failDisabled } from '../activities/webhook/disable.ts'
import { getSinkEndpoints } from '../activities/webhook/sink-endpoints.ts'
import type { Logger } from '../config/log.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import { contactsOf, findCompact, type Compacts } from '../core/license/compacts.ts'
import { formatCloudEvent, mayHear, type RecordedEvent } from '../core/webhook/cloud-event.ts'
import type { WebhookSink } from '../core/webhook/endpoint.ts'
import { approvalDigestEvent, wantsEvent } from '../core/webhook/events.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import { markRelayed, takeUnrelayedEvents } from '../db/events.ts'
import {
  ensureMailEndpoint,
  listSubscribers,
  wakeEndpoints,
  type QueuedWake,
} from '../db/webhook/endpoints.ts'
import { enqueueDeliveries } from '../db/webhook/queue.ts'
import { startLoop, type Loop } from './loop.ts'

export type EventRelayDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly sinks: readonly WebhookSink[]
  readonly compacts: Compacts
  /** Whether digests are mailed. */
  readonly hasMail: boolean
  readonly log: Logger
}

type Listener = {
  readonly endpointId: string
  readonly wants: (event: RecordedEvent) => boolean
  /** Of a sink that is disabled: its name. */
  readonly disabledSink?: string
}

const POLL_MS = 500
const BATCH_SIZE = 200

/**
 * Puts, for as long as it runs, recorded events into the queues of the endpoints that want them, in
 * the order in which they happened; safe beside any number of others.
 */
export function startEventRelay(deps: EventRelayDeps): Loop {
  return startLoop({
    task: 'tell of events',
    log: deps.log,
    intervalMs: POLL_MS,
    step: async () => (await relayEvents(deps)) === BATCH_SIZE,
  })
}

/** Relays one batch, in one transaction, and answers how many events it had. */
export async function relayEvents(deps: EventRelayDeps): Promise<number> {
  const { count, wakes } = await withTransaction(deps.db, async (tx) => await relay(tx, deps))
  await handOverWakes(deps, wakes)
  return count
}

async function relay(
  tx: Transaction,
  deps: EventRelayDeps,
): Promise<{ readonly count: number; readonly wakes: readonly QueuedWake[] }> {
  const events = await takeUnrelayedEvents(tx, BATCH_SIZE)
  const [first] = events ?? []
  if (!events || !first) return { count: 0, wakes: [] }
  const listeners = await listListeners(tx, deps)
  const endpoints = await enqueueDeliveries(
    tx,
    events.flatMap((event) => toDeliveries(event, listeners)),
  )
  for (const { endpointId, disabledSink: sink } of listeners) {
    if (sink !== undefined) await failDisabled(tx, { endpointId, sink })
  }
  await markRelayed(
    tx,
    events.map(({ id }) => id),
  )
  return { count: events.length, wakes: await wakeEndpoints(tx, endpoints, first.requestId) }
}

function toDeliveries(
  event: RecordedEvent,
  listeners: readonly Listener[],
): Parameters<typeof enqueueDeliveries>[1] {
  const { id: eventId, type, requestId } = event
  const concerned = listeners.filter(({ wants }) => wants(event))
  if (concerned.length === 0) return []
  const body = formatCloudEvent(event)
  return concerned.map(({ endpointId }) => ({ endpointId, type, eventId, requestId, body }))
}

async function listListeners(tx: Transaction, deps: EventRelayDeps): Promise<Listener[]> {
  const listeners: Listener[] = []
  for (const { sink, endpointId, isDisabled } of await getSinkEndpoints(tx, deps.sinks)) {
    const wants = ({ type }: RecordedEvent): boolean => wantsEvent(sink.events, type)
    listeners.push({ endpointId, wants, ...(isDisabled && { disabledSink: sink.name }) })
  }
  for (const { id, createdAt, events, scopes, tenant } of await listSubscribers(tx)) {
    const listener = { scopes: new Set(scopes), tenant: tenant ?? undefined }
    const wants = (event: RecordedEvent): boolean =>
      event.occurredAt >= createdAt && wantsEvent(events, event.type) && mayHear(listener, event)
    listeners.push({ endpointId: id, wants })
  }
  if (!deps.hasMail) return listeners
  const { id } = await ensureMailEndpoint(tx)
  return [...listeners, { endpointId: id, wants: (event) => isMailed(deps.compacts, event) }]
}

// An approver has an address of their own.
function isMailed(compacts: Compacts, event: RecordedEvent): boolean {
  return event.type === approvalDigestEvent || hasContacts(compacts, event)
}

function hasContacts(compacts: Compacts, { type, data }: RecordedEvent): boolean {
  const compact = findCompact(compacts, String(data['compact']))
  const isDigest = type === 'license.digest' && compact !== undefined
  return isDigest && contactsOf(compact, String(data['jurisdiction'])).length > 0
}
