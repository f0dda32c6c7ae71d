import type { Logger } from '../config/log.ts'
import { findRunStanding } from '../connectors/temporal-runs.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import type { Database } from '../db/client.ts'
import { endLostRun, listOpenRuns, restartLostRun } from '../db/lost-runs.ts'
import { startLoop, type Loop } from './loop.ts'

export type LostRunDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly log: Logger
}

const INTERVAL_MS = 60_000
const PATIENCE_MS = 30_000

/**
 * Ends, for as long as it runs, what is under way by our books and in Temporal no more: an operator
 * has terminated it, or its server was lost. The next run is not to wait for it for ever. An upload
 * that a lost server took with it begins again: it was accepted.
 */
export function startLostRunWatch(deps: LostRunDeps): Loop {
  return startLoop({
    task: 'look for lost runs',
    log: deps.log,
    intervalMs: INTERVAL_MS,
    async step() {
      await endLostRuns(deps, new Date())
      return false
    },
  })
}

/** One round of it as of `now`; safe beside others. */
export async function endLostRuns({ db, temporal, log }: LostRunDeps, now: Date): Promise<void> {
  const startedBefore = new Date(now.getTime() - PATIENCE_MS)
  for (const run of await listOpenRuns(db, { startedBefore })) {
    const standing = await findRunStanding(temporal, run.workflowId)
    if (standing === 'under-way') continue
    const isRestarted = standing === 'unknown' && (await restartLostRun(db, run))
    if (!isRestarted) await endLostRun(db, run)
    const message = isRestarted ? 'Began a run again' : 'Ended a run'
    log.warn({ kind: run.kind, runId: run.id }, `${message} that is gone from Temporal`)
  }
}
