import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../config/log.ts'
import { handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import { AppError, isAppError } from '../core/errors.ts'
import type { Database } from '../db/client.ts'
import {
  claimDueStarts,
  deleteStart,
  postponeStarts,
  type QueuedStart,
} from '../db/workflow-starts.ts'

export type RelayDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly log: Logger
  readonly onHandedOver?: (count: number) => void
}

export type Relay = {
  /** Lets the starts in flight finish and stops. */
  readonly close: () => Promise<void>
}

const POLL_MS = 500
const BATCH_SIZE = 20
const PARALLEL = 5
// Longer than a batch can take: one claimed by a process that died is free again after this.
const LEASE_SECONDS = 20
const AWAY_RETRY_SECONDS = 1
const MAX_RETRY_SECONDS = 300

/** Hands over, for as long as it runs, what is due in the outbox; safe beside any number of other relays. */
export function startRelay(deps: RelayDeps): Relay {
  const stop = new AbortController()
  const done = run(deps, stop.signal)
  return {
    async close() {
      stop.abort()
      await done
    },
  }
}

/** Hands over one batch and returns how many starts it took; throws when Temporal or PostgreSQL is away. */
export async function relayBatch(deps: RelayDeps): Promise<number> {
  const starts = await claimDueStarts(deps.db, { limit: BATCH_SIZE, leaseSeconds: LEASE_SECONDS })
  const queue = [...starts]
  const lanes = Array.from({ length: PARALLEL }, async () => await relayLane(deps, queue))
  const results = await Promise.allSettled(lanes)
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) {
    const left = queue.map((start) => start.id)
    await postponeStarts(deps.db, left, AWAY_RETRY_SECONDS)
    throw failure.reason
  }
  if (starts.length > 0) deps.onHandedOver?.(starts.length)
  return starts.length
}

async function run(deps: RelayDeps, signal: AbortSignal): Promise<void> {
  let isAway = false
  while (!signal.aborted) {
    try {
      const taken = await relayBatch(deps)
      if (isAway) deps.log.info('Handing over work to Temporal again')
      isAway = false
      if (taken === BATCH_SIZE) continue
    } catch (error) {
      if (!isAway) deps.log.warn({ code: codeOf(error) }, 'Cannot hand over work to Temporal yet')
      isAway = true
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

async function relayLane(deps: RelayDeps, queue: QueuedStart[]): Promise<void> {
  for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
    await relayOne(deps, start)
  }
}

async function relayOne(deps: RelayDeps, start: QueuedStart): Promise<void> {
  try {
    await handOverStart(deps.temporal, start)
  } catch (error) {
    const isOwnFault = isAppError(error, 'temporal_rejected')
    const seconds = isOwnFault
      ? Math.min(2 ** start.attempts, MAX_RETRY_SECONDS)
      : AWAY_RETRY_SECONDS
    await postponeStarts(deps.db, [start.id], seconds)
    if (!isOwnFault) throw error
    deps.log.error(
      { workflowId: start.workflowId, requestId: start.requestId, attempts: start.attempts },
      'Cannot start the workflow: Temporal rejects it',
    )
    return
  }
  await deleteStart(deps.db, start.id)
}

function codeOf(error: unknown): string {
  if (error instanceof AppError) return error.code
  return error instanceof Error && 'code' in error ? String(error.code) : 'unexpected'
}
