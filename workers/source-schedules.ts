import type { Config } from '../config/config.ts'
import type { Logger } from '../config/log.ts'
import { keepSchedules, type WantedSchedule } from '../connectors/temporal-schedules.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import { readSchedule } from '../core/source/schedule.ts'
import { sourceScheduleId, sourcePullWorkflowType } from '../core/source/workflow.ts'
import { taskQueues } from '../workflows/messages.ts'
import { startLoop, type Loop } from './loop.ts'

export type SourceScheduleDeps = {
  readonly temporal: TemporalClient
  readonly sources: Config['sources']
  readonly log: Logger
}

const LOOK_EVERY_MS = 60_000

/** Keeps Temporal's schedules in step with `SOURCES_FILE`: each source's `every`, and no others. */
export function startSourceSchedules({ temporal, sources, log }: SourceScheduleDeps): Loop {
  const wanted = sources.flatMap(toSchedule)
  return startLoop({
    task: 'keep the schedules of sources',
    log,
    intervalMs: LOOK_EVERY_MS,
    async step() {
      const kept = await keepSchedules(temporal, { prefix: sourceScheduleId(''), wanted })
      if (Object.values(kept).some((ids) => ids.length > 0)) {
        log.info(kept, 'Schedules of sources brought in step')
      }
      return false
    },
  })
}

function toSchedule({ name, every }: Config['sources'][number]): WantedSchedule[] {
  const when = every === undefined ? undefined : readSchedule(every)
  if (!when) return []
  return [
    {
      id: sourceScheduleId(name),
      when,
      workflowType: sourcePullWorkflowType,
      taskQueue: taskQueues.registrar,
      input: { source: name },
      summary: `Pulls from ${name}`,
    },
  ]
}
