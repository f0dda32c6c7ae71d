import { Context } from '@temporalio/activity'
import { withTransaction } from '../../db/client.ts'
import { beginDrain, type Endpoint } from '../../db/webhook/endpoints.ts'
import {
  claimDelivery,
  findNextDue,
  supersedeOlder,
  type ClaimedDelivery,
} from '../../db/webhook/queue.ts'
import { createSend, type Send } from './send.ts'
import { settleArrived, settleError } from './settle.ts'
import type { WebhookDeps } from './webhook-deps.ts'

/** How a round ended. */
export type Drained = {
  /** Attempts of this round. */
  readonly attempts: number
  /** Milliseconds until the next one is due; undefined when nothing waits. */
  readonly dueInMs?: number
}

type Round = {
  readonly deps: WebhookDeps
  readonly endpoint: Endpoint
  readonly send: Send
  readonly signal: AbortSignal
  readonly endsAt: number
  readonly attempts: { count: number }
}

const LANES = 8
// Then a new round begins, so that the run shows how far it is.
const ROUND_MS = 30_000
const NOT_CONFIGURED_RETRY_MS = 60_000

/** Sends what is due at an endpoint, some of it side by side, until nothing is or the round is over. */
export async function drainEndpoint(deps: WebhookDeps, endpointId: string): Promise<Drained> {
  const endpoint = await beginDrain(deps.db, endpointId)
  if (endpoint?.state !== 'active') return { attempts: 0 }
  await supersedeOlder(deps.db, { endpointId })
  const send = createSend(deps, endpoint)
  if (!send) return await rest(deps, endpointId)
  const round: Round = {
    deps,
    endpoint,
    send,
    signal: Context.current().cancellationSignal,
    endsAt: Date.now() + ROUND_MS,
    attempts: { count: 0 },
  }
  await work(round, LANES)
  const dueInMs = await findNextDue(deps.db, endpointId)
  return { attempts: round.attempts.count, ...(dueInMs === undefined ? {} : { dueInMs }) }
}

// The settings of this worker lack the endpoint: another's may have it, or these will.
async function rest({ db }: WebhookDeps, endpointId: string): Promise<Drained> {
  const isWaiting = (await findNextDue(db, endpointId)) !== undefined
  return isWaiting ? { attempts: 0, dueInMs: NOT_CONFIGURED_RETRY_MS } : { attempts: 0 }
}

/** One lane of a round; it opens the next one as soon as it has something to send itself. */
async function work(round: Round, lanes: number): Promise<void> {
  const first = await claim(round)
  if (!first) return
  await Promise.all([lanes > 1 ? work(round, lanes - 1) : undefined, sendAll(round, first)])
}

async function sendAll(round: Round, first: ClaimedDelivery): Promise<void> {
  for (let next: ClaimedDelivery | undefined = first; next; next = await claim(round)) {
    await attempt(round, next)
  }
}

async function claim({
  deps,
  endpoint,
  endsAt,
  signal,
}: Round): Promise<ClaimedDelivery | undefined> {
  if (signal.aborted || Date.now() > endsAt) return undefined
  return await withTransaction(deps.db, async (tx) => await claimDelivery(tx, endpoint.id))
}

async function attempt(
  { deps, endpoint, send, signal, attempts }: Round,
  delivery: ClaimedDelivery,
): Promise<void> {
  attempts.count += 1
  try {
    await send(delivery, signal)
  } catch (error) {
    await settleError(deps, { endpoint, delivery }, error)
    return
  }
  await settleArrived(deps, { endpoint, delivery })
}
