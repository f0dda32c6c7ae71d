import { randomUUID } from 'node:crypto'
import type { Logger } from '../config/log.ts'
import { handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import { isAppError } from '../core/errors.ts'
import type { WorkflowStart } from '../core/workflow-start.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { listDueWakes, wakeRosterProvider } from '../db/roster/wake.ts'
import { deleteStart } from '../db/workflow-starts.ts'
import { startLoop, type Loop } from './loop.ts'

export type RosterWakeDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly log: Logger
}

const LOOK_EVERY_MS = 1_000
const AT_ONCE = 100

/** Starts the runs that webhooks asked for while another one was under way. */
export function startRosterWakes({ db, temporal, log }: RosterWakeDeps): Loop {
  return startLoop({
    task: 'start the rosters that webhooks woke',
    log,
    intervalMs: LOOK_EVERY_MS,
    async step() {
      for (const providerId of await listDueWakes(db, AT_ONCE)) {
        const wake = { providerId, requestId: randomUUID(), now: new Date() }
        const queued = await withTransaction(db, async (tx) => await wakeRosterProvider(tx, wake))
        for (const { id, start } of queued) await handOver({ db, temporal }, id, start)
      }
      return false
    },
  })
}

// The relay takes what Temporal does not.
async function handOver(
  { db, temporal }: Pick<RosterWakeDeps, 'db' | 'temporal'>,
  id: number,
  start: WorkflowStart,
): Promise<void> {
  try {
    await handOverStart(temporal, start)
    await deleteStart(db, id)
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}
