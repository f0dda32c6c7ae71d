import type { Logger } from '../config/log.ts'
import { keepSchedules, type WantedSchedule } from '../connectors/temporal-schedules.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import { listRosterSchedules } from '../core/roster/schedule.ts'
import { rosterScheduleId, rosterSyncWorkflowType } from '../core/roster/workflow.ts'
import { rosterQueue } from '../core/workflow-start.ts'
import type { Database } from '../db/client.ts'
import {
  listScheduledProviders,
  readProvidersMark,
  type RosterProvider,
} from '../db/roster/providers.ts'
import { startLoop, type Loop } from './loop.ts'

export type RosterScheduleDeps = {
  readonly db: Database
  readonly temporal: TemporalClient
  /** Between the runs of a provider that says nothing else. */
  readonly intervalSeconds: number
  readonly log: Logger
}

const PREFIX = 'roster:'
const LOOK_EVERY_MS = 1_000
// What somebody has changed in Temporal is put right by then.
const REPAIR_EVERY_MS = 300_000

/**
 * Keeps two schedules in Temporal for each provider of rosters, incremental and full, in step with
 * its settings: within seconds of a change, and at the start and every few minutes where they drift.
 */
export function startRosterSchedules({
  db,
  temporal,
  intervalSeconds,
  log,
}: RosterScheduleDeps): Loop {
  let kept: { readonly mark: string; readonly atMs: number } | undefined
  return startLoop({
    task: "keep the rosters' schedules",
    log,
    intervalMs: LOOK_EVERY_MS,
    async step() {
      const mark = await readProvidersMark(db)
      if (kept?.mark === mark && Date.now() - kept.atMs < REPAIR_EVERY_MS) return false
      const providers = await listScheduledProviders(db)
      const wanted = providers.flatMap((provider) => listWanted(provider, intervalSeconds))
      const did = await keepSchedules(temporal, { prefix: PREFIX, wanted })
      const count = did.created.length + did.changed.length + did.removed.length
      // Temporal's list is late: what was done now is looked at once more.
      kept = count > 0 ? undefined : { mark, atMs: Date.now() }
      if (count > 0) log.info({ count }, "Rosters' schedules brought in step")
      return false
    },
  })
}

type Provider = Pick<RosterProvider, 'id' | 'kind' | 'settings' | 'isPaused'>

function listWanted(provider: Provider, intervalSeconds: number): WantedSchedule[] {
  return listRosterSchedules(provider, { intervalSeconds }).map(({ mode, when, jitterMs }) => ({
    id: rosterScheduleId(provider.id, mode),
    when,
    workflowType: rosterSyncWorkflowType,
    taskQueue: rosterQueue,
    input: { providerId: provider.id, mode, trigger: 'schedule' },
    summary: mode === 'full' ? 'Syncs a roster whole' : 'Syncs what has changed in a roster',
    ...(mode === 'incremental' && { overlap: 'buffer-one' as const }),
    jitterMs,
    isPaused: provider.isPaused,
  }))
}
