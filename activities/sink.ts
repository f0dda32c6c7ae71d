import { setTimeout as delay } from 'node:timers/promises'
import { Context } from '@temporalio/activity'
import { AppError } from '../core/errors.ts'
import type { ProfileSink, SinkDelivery } from '../core/profile/sink.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import {
  bookAttempt,
  findLaneSnapshot,
  getDeliveryAge,
  settleDelivered,
  settleFailed,
  tryLockLane,
  type LaneKey,
  type LaneSnapshot,
} from '../db/profile/deliveries.ts'
import { withHeartbeat } from './heartbeat.ts'
import { createBreakers, isOutage, type Breakers } from './sink-breaker.ts'

export type SinkActivityDeps = {
  /** Apart from the pool of everything else: a delivery keeps a connection while it lasts. */
  readonly db: Database
  readonly sinks: ReadonlyMap<string, ProfileSink>
  readonly onDelivery?: ((sink: string, outcome: DeliveryOutcome) => void) | undefined
}

export type DeliveryOutcome = 'succeeded' | 'unchanged' | 'superseded' | 'failed' | 'retried'

export type SinkActivities = {
  /**
   * Brings the newest state of a person to a sink, at most twice a second, and settles every change
   * up to it. Answers the newest serial that is settled, or that waits because the sink is paused.
   * Throws what is to be tried again.
   */
  readonly deliverToSink: (input: LaneKey) => Promise<{ readonly serial: number }>
}

const REST_MS = 500
const LIFETIME_SECONDS = 24 * 3_600
const BUSY_RETRY_SECONDS = 1
const DELIVERY_TIMEOUT_MS = 60_000

/** The activity of a person's lanes. */
export function createSinkActivities(deps: SinkActivityDeps): SinkActivities {
  const breakers = createBreakers(() => Date.now())
  return {
    async deliverToSink(key) {
      const sink = getSink(deps.sinks, key.sink)
      const wait = breakers.look(key.sink)
      if (wait !== undefined) throw createSinkDown(key.sink, wait)
      await rest(deps.db, key)
      const result = await withHeartbeat(
        async () =>
          await withTransaction(
            deps.db,
            async (tx) => await deliver(tx, key, { ...deps, sink, breakers }),
          ),
      )
      if ('retry' in result) throw result.retry
      return result
    },
  }
}

/** The configured sink; throws `unknown_sink`, which is tried again: a worker with it may come. */
export function getSink(sinks: ReadonlyMap<string, ProfileSink>, name: string): ProfileSink {
  const sink = sinks.get(name)
  if (sink) return sink
  throw new AppError(
    'unknown_sink',
    `Cannot deliver to "${name}": SINKS_FILE of this worker does not have it`,
    { status: 502 },
  )
}

type Delivering = SinkActivityDeps & { readonly sink: ProfileSink; readonly breakers: Breakers }

/** What was settled; or, with the attempt booked, what Temporal has to be told to try again. */
type Delivered = { readonly serial: number } | { readonly retry: unknown }

// What comes meanwhile is contained in the next delivery.
async function rest(db: Database, key: LaneKey): Promise<void> {
  const restedMs = (await findLaneSnapshot(db, key))?.restedMs ?? REST_MS
  if (restedMs < REST_MS) await delay(REST_MS - restedMs)
}

async function deliver(tx: Transaction, key: LaneKey, delivering: Delivering): Promise<Delivered> {
  if (!(await tryLockLane(tx, key))) throwBusy()
  const snapshot = await findLaneSnapshot(tx, key)
  if (!snapshot) return { serial: Number.MAX_SAFE_INTEGER }
  const { serial, fence } = snapshot
  if (snapshot.isPaused || (snapshot.isSettled && fence < serial)) return { serial }
  if (fence >= serial) {
    await settleDelivered(tx, key, { serial, fence: 0, isOvertaken: fence > serial })
    return { serial }
  }
  const wait = delivering.breakers.take(key.sink)
  if (wait !== undefined) return { retry: createSinkDown(key.sink, wait) }
  return await attempt(tx, { key, snapshot }, delivering)
}

type Lane = { readonly key: LaneKey; readonly snapshot: LaneSnapshot }

async function attempt(
  tx: Transaction,
  { key, snapshot }: Lane,
  { sink, breakers, onDelivery }: Delivering,
): Promise<Delivered> {
  const { serial, fence } = snapshot
  const signal = AbortSignal.any([
    Context.current().cancellationSignal,
    AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
  ])
  try {
    const outcome = await sink.deliver(toDelivery(key, snapshot), signal)
    const isOvertaken = outcome.state === 'superseded'
    breakers.succeed(key.sink)
    await settleDelivered(tx, key, { serial, fence, isOvertaken })
    onDelivery?.(key.sink, isOvertaken ? 'superseded' : outcome.wrote ? 'succeeded' : 'unchanged')
    return { serial }
  } catch (error) {
    return await settleError(tx, { key, snapshot, error }, { breakers, onDelivery })
  }
}

type FailedAttempt = Lane & { readonly error: unknown }

async function settleError(
  tx: Transaction,
  { key, snapshot, error }: FailedAttempt,
  { breakers, onDelivery }: Pick<Delivering, 'breakers' | 'onDelivery'>,
): Promise<Delivered> {
  const { serial, fence } = snapshot
  const code = error instanceof AppError ? error.code : 'unexpected'
  const isFinal = error instanceof AppError && error.status < 500 && error.status !== 429
  if (isOutage(error)) breakers.fail(key.sink)
  else breakers.succeed(key.sink)
  const age = await getDeliveryAge(tx, { ...key, serial })
  if (!isFinal && age < LIFETIME_SECONDS) {
    await bookAttempt(tx, key, { serial, code })
    onDelivery?.(key.sink, 'retried')
    return { retry: error }
  }
  await settleFailed(tx, key, { serial, fence, code: isFinal ? code : 'expired' })
  onDelivery?.(key.sink, 'failed')
  return { serial }
}

/** What a sink is given of a snapshot. */
export function toDelivery(
  key: Pick<LaneKey, 'profileId'>,
  snapshot: Pick<LaneSnapshot, 'userId' | 'profile' | 'isDeleted' | 'serial' | 'updatedAt'>,
): SinkDelivery {
  const { userId, profile, isDeleted, serial, updatedAt } = snapshot
  return { profileId: key.profileId, userId, profile, isDeleted, serial, updatedAt }
}

function throwBusy(): never {
  throw new AppError(
    'lane_busy',
    'Cannot deliver now: another delivery of this lane is under way',
    {
      status: 503,
      retryAfterSeconds: BUSY_RETRY_SECONDS,
    },
  )
}

function createSinkDown(sink: string, waitSeconds: number): AppError {
  return new AppError('sink_down', `Cannot deliver to "${sink}" now: it does not answer`, {
    status: 503,
    retryAfterSeconds: waitSeconds,
  })
}
