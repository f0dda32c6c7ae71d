import { AppError } from '../../core/errors.ts'
import { findRetryDelay, MAX_FAILING_DAYS } from '../../core/webhook/retry.ts'
import type { DisabledReason } from '../../core/webhook/endpoint.ts'
import { appendAudit, type AuditCause, type AuditEntry } from '../../db/audit.ts'
import { withTransaction, type Transaction } from '../../db/client.ts'
import {
  disableEndpoint,
  noteFailing,
  noteWorking,
  type Endpoint,
} from '../../db/webhook/endpoints.ts'
import { supersedeOlder, type ClaimedDelivery } from '../../db/webhook/queue.ts'
import {
  bookChanges,
  bringForward,
  noteTold,
  postponeDelivery,
  releaseDelivery,
  settleFailed,
  settleSucceeded,
  type SinkBooking,
} from '../../db/webhook/settlement.ts'
import { bury, failDisabled } from './disable.ts'
import type { DeliveryOutcome, WebhookDeps } from './webhook-deps.ts'

type Settling = { readonly endpoint: Endpoint; readonly delivery: ClaimedDelivery }

const GONE_STATUS = 'http_410'
const MS_PER_DAY = 86_400_000
// A shorter one is no outage: what failed meanwhile keeps its own time.
const OUTAGE_MS = 30_000

/** Books that a delivery arrived. What waited through an outage comes at once. */
export async function settleArrived(
  deps: WebhookDeps,
  { endpoint, delivery }: Settling,
): Promise<void> {
  const isSettled = await withTransaction(deps.db, async (tx) => {
    if (!(await settleSucceeded(tx, delivery))) return false
    const failingSince = await noteWorking(tx, endpoint.id)
    if (failingSince && Date.now() - failingSince.getTime() > OUTAGE_MS) {
      await bringForward(tx, endpoint.id)
    }
    const booking = toBooking(endpoint, delivery, 'succeeded')
    if (!booking) return true
    await bookChanges(tx, [booking])
    await noteTold(tx, booking)
    return true
  })
  if (isSettled) deps.onDelivery?.(endpoint.kind, 'succeeded')
}

/** Books that a delivery did not arrive: it is tried again, or was the last straw. */
export async function settleError(
  deps: WebhookDeps,
  settling: Settling,
  error: unknown,
): Promise<void> {
  const { endpoint, delivery } = settling
  if (error instanceof AppError && error.code === 'call_aborted') {
    // This process stops; nobody has said no.
    await releaseDelivery(deps.db, delivery)
    return
  }
  const failure = toFailure(error, delivery.attempts)
  const outcome = await withTransaction(
    deps.db,
    async (tx) => await book(tx, deps, { ...settling, failure }),
  )
  if (outcome === 'failed') {
    const told = { kind: endpoint.kind, endpointId: endpoint.id, deliveryId: delivery.id }
    deps.log.warn({ ...told, code: failure.code }, 'Message given up')
  }
  if (outcome) deps.onDelivery?.(endpoint.kind, outcome)
}

type Failure = {
  readonly code: string
  /** Undefined: there is no other attempt. */
  readonly delaySeconds: number | undefined
}

type Failing = Settling & { readonly failure: Failure }

function toFailure(error: unknown, attempts: number): Failure {
  if (!(error instanceof AppError)) {
    const delaySeconds = findRetryDelay(attempts, { jitter: Math.random() })
    return { code: 'unexpected', delaySeconds }
  }
  const { code, retryAfterSeconds } = error
  if (FINAL.has(code)) return { code, delaySeconds: undefined }
  const delaySeconds = findRetryDelay(attempts, { retryAfterSeconds, jitter: Math.random() })
  return { code, delaySeconds }
}

// No later attempt would end otherwise.
const FINAL: ReadonlySet<string> = new Set([
  GONE_STATUS,
  'invalid_target',
  'target_refused',
  'mail_refused',
  'no_contacts',
])

async function book(
  tx: Transaction,
  deps: WebhookDeps,
  { endpoint, delivery, failure }: Failing,
): Promise<DeliveryOutcome | undefined> {
  const outcome =
    failure.delaySeconds === undefined
      ? await bookDead(tx, { endpoint, delivery, failure })
      : await bookRetry(tx, { endpoint, delivery, failure })
  if (outcome === undefined || endpoint.kind === 'mail') return outcome
  const since = await noteFailing(tx, endpoint.id)
  const reason = findReason(failure, since)
  if (reason === undefined) return outcome
  if (await disableEndpoint(tx, endpoint.id, reason)) {
    await appendAudit(tx, [createEntry(endpoint, { reason, deliveryId: delivery.id })])
    deps.log.warn({ endpointId: endpoint.id, reason }, 'Webhook endpoint disabled')
  }
  await failDisabled(tx, { endpointId: endpoint.id, sink: endpoint.name ?? undefined })
  return outcome
}

function createEntry({ id, name }: Endpoint, cause: AuditCause): AuditEntry {
  const subject = name === null ? { type: 'webhook-subscription', id } : { type: 'sink', id: name }
  return { actor: `webhook:${id}`, action: `${subject.type}.disabled`, subject, cause }
}

function findReason({ code }: Failure, since: Date | undefined): DisabledReason | undefined {
  if (code === GONE_STATUS) return 'gone'
  const failingMs = since ? Date.now() - since.getTime() : 0
  return failingMs > MAX_FAILING_DAYS * MS_PER_DAY ? 'failing' : undefined
}

async function bookDead(
  tx: Transaction,
  { endpoint, delivery, failure }: Failing,
): Promise<DeliveryOutcome | undefined> {
  const dead = await settleFailed(tx, delivery, failure.code)
  if (!dead) return undefined
  await bury(tx, endpoint.name ?? undefined, [dead])
  return 'failed'
}

async function bookRetry(
  tx: Transaction,
  { endpoint, delivery, failure }: Failing,
): Promise<DeliveryOutcome | undefined> {
  const { code, delaySeconds = 0 } = failure
  if (!(await postponeDelivery(tx, delivery, { code, delaySeconds }))) return undefined
  const booking = toBooking(endpoint, delivery, 'pending')
  if (booking) await bookChanges(tx, [{ ...booking, code }])
  if (delivery.profileId === null) return 'retried'
  // Something newer of the same person may have come while this one was under way.
  const { endpointId, profileId } = delivery
  const replaced = await supersedeOlder(tx, { endpointId, profileId })
  return replaced.includes(delivery.id) ? 'superseded' : 'retried'
}

function toBooking(
  { name: sink }: Endpoint,
  { profileId, serial, attempts }: ClaimedDelivery,
  state: SinkBooking['state'],
): SinkBooking | undefined {
  if (sink === null || profileId === null || serial === null) return undefined
  return { sink, profileId, serial, state, attempts }
}
