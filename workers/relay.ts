import type { Logger } from '../config/log.ts'
import { handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import { isAppError } from '../core/errors.ts'
import type { Database } from '../db/client.ts'
import {
  claimDueStarts,
  deleteStart,
  postponeStarts,
  type QueuedStart,
} from '../db/workflow-starts.ts'
import { startLoop, type Loop } from './loop.ts'

export type RelayDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly log: Logger
  readonly onHandedOver?: (count: number) => void
}

const POLL_MS = 500
const BATCH_SIZE = 20
const PARALLEL = 5
// Longer than a batch can take: one claimed by a process that died is free again after this.
const LEASE_SECONDS = 20
const AWAY_RETRY_SECONDS = 1
const MAX_RETRY_SECONDS = 300

/** Hands over, for as long as it runs, what is due in the outbox; safe beside any number of other relays. */
export function startRelay(deps: RelayDeps): Loop {
  return startLoop({
    task: 'hand over work to Temporal',
    log: deps.log,
    intervalMs: POLL_MS,
    step: async () => (await relayBatch(deps)) === BATCH_SIZE,
  })
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
