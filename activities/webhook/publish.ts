import { setTimeout as delay } from 'node:timers/promises'
import type { WebhookSink } from '../../core/webhook/endpoint.ts'
import {
  composeProfileEvent,
  type Interest,
  type ProfileEvent,
} from '../../core/webhook/profile-event.ts'
import { withTransaction, type Transaction } from '../../db/client.ts'
import { listSubscribers, wakeEndpoints, type QueuedWake } from '../../db/webhook/endpoints.ts'
import {
  findPersonAtSerial,
  findRest,
  listLaneChanges,
  listWaitingEvents,
  lockFence,
  moveFence,
  type LaneChange,
  type PersonAtSerial,
} from '../../db/webhook/publishing.ts'
import { enqueueDeliveries, supersedeOlder, type NewDelivery } from '../../db/webhook/queue.ts'
import { bookChanges, noteTold, type SinkBooking } from '../../db/webhook/settlement.ts'
import { failDisabled } from './disable.ts'
import { handOverWakes } from './hand-over.ts'
import { getSinkEndpoints } from './sink-endpoints.ts'
import type { WebhookDeps } from './webhook-deps.ts'

/** Somebody who may have to be told of a person. */
type Listener = Interest & {
  readonly endpointId: string
  readonly isDisabled: boolean
  /** Of a sink: its name, under which changes are booked. */
  readonly sink?: string
  /** Of a subscription: what was committed before is none of its business. */
  readonly since?: Date
}

type News = { readonly person: PersonAtSerial; readonly changes: readonly LaneChange[] }
type Told = { readonly listener: Listener; readonly event: ProfileEvent | undefined }

const REST_MS = 500

/**
 * Queues what endpoints are to hear of a person since the lane's fence, one event each, and moves
 * the fence: all in one transaction. Answers the serial up to which all is queued.
 */
export async function publishProfileEvent(
  deps: WebhookDeps,
  profileId: string,
): Promise<{ readonly serial: number }> {
  await rest(deps, profileId)
  const { serial, wakes } = await withTransaction(
    deps.db,
    async (tx) => await publish(tx, deps, profileId),
  )
  await handOverWakes(deps, wakes)
  return { serial }
}

// At most twice a second: what comes meanwhile is contained in the next event.
async function rest({ db }: WebhookDeps, profileId: string): Promise<void> {
  const restedMs = (await findRest(db, profileId)) ?? REST_MS
  if (restedMs < REST_MS) await delay(REST_MS - restedMs)
}

type Published = { readonly serial: number; readonly wakes: readonly QueuedWake[] }

async function publish(tx: Transaction, deps: WebhookDeps, profileId: string): Promise<Published> {
  const fence = await lockFence(tx, profileId)
  const person = await findPersonAtSerial(tx, profileId)
  if (!person) return { serial: Number.MAX_SAFE_INTEGER, wakes: [] }
  const changes = await listLaneChanges(tx, { profileId, after: fence, upTo: person.serial })
  const newest = changes.at(-1)
  if (!newest) return { serial: person.serial, wakes: [] }
  const told = await compose(tx, profileId, {
    news: { person, changes },
    listeners: await listListeners(tx, deps.sinks),
  })
  const deliveries = told.flatMap((one) => toDelivery(one, { profileId, changes }))
  await enqueueDeliveries(tx, deliveries)
  await book(tx, { profileId, changes, told })
  await moveFence(tx, profileId, newest.serial)
  const endpoints = deliveries.map(({ endpointId }) => endpointId)
  return { serial: newest.serial, wakes: await wakeEndpoints(tx, endpoints, newest.requestId) }
}

async function listListeners(
  tx: Transaction,
  sinks: readonly WebhookSink[],
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  for (const { sink, endpointId, isDisabled } of await getSinkEndpoints(tx, sinks)) {
    const { name, events, scopes, attributes } = sink
    listeners.push({ endpointId, sink: name, isDisabled, events, scopes, attributes })
  }
  for (const { id, createdAt, events, scopes, attributes } of await listSubscribers(tx)) {
    listeners.push({
      endpointId: id,
      isDisabled: false,
      since: createdAt,
      events,
      scopes: new Set(scopes),
      attributes: attributes ?? undefined,
    })
  }
  return listeners
}

async function compose(
  tx: Transaction,
  profileId: string,
  { news, listeners }: { readonly news: News; readonly listeners: readonly Listener[] },
): Promise<readonly Told[]> {
  const waiting = await listWaitingEvents(tx, profileId)
  return listeners.map((listener) => {
    const changes = news.changes.filter((change) => isFor(change, listener))
    const about = { changes, person: news.person, waiting: waiting.get(listener.endpointId) }
    return { listener, event: composeProfileEvent(about, listener) }
  })
}

function isFor({ sinks, committedAt }: LaneChange, { sink, since }: Listener): boolean {
  if (sink !== undefined) return sinks.includes(sink)
  return since === undefined || committedAt >= since
}

type Lane = { readonly profileId: string; readonly changes: readonly LaneChange[] }

function toDelivery({ listener, event }: Told, { profileId, changes }: Lane): NewDelivery[] {
  const newest = changes.findLast((change) => isFor(change, listener))
  if (!event || !newest) return []
  return [
    {
      endpointId: listener.endpointId,
      type: `profile.${event.operation}`,
      profileId,
      serial: newest.serial,
      requestId: newest.requestId,
      body: JSON.stringify(event),
    },
  ]
}

async function book(
  tx: Transaction,
  { profileId, changes, told }: Lane & { readonly told: readonly Told[] },
): Promise<void> {
  await supersedeOlder(tx, { profileId })
  const bookings = told.flatMap((one) => listBookings(one, { profileId, changes }))
  await bookChanges(tx, bookings)
  for (const { sink, serial, state } of bookings) {
    if (state === 'succeeded') await noteTold(tx, { sink, profileId, serial })
  }
  for (const { listener, event } of told) {
    if (event && listener.isDisabled) await failDisabled(tx, listener)
  }
}

/** What a sink's changes have come to: the newest waits for its delivery, if there is one. */
function listBookings({ listener, event }: Told, { profileId, changes }: Lane): SinkBooking[] {
  const { sink } = listener
  if (sink === undefined) return []
  const own = changes.filter((change) => isFor(change, listener))
  return own.map(({ serial }, index) => {
    const newest = event ? 'pending' : 'succeeded'
    const state = index === own.length - 1 ? newest : 'superseded'
    return { sink, profileId, serial, state, attempts: 0 }
  })
}
