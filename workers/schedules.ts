import type { Config } from '../config/config.ts'
import type { Logger } from '../config/log.ts'
import { keepSchedules, type WantedSchedule } from '../connectors/temporal-schedules.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import { readSchedule } from '../core/source/schedule.ts'
import { sourcePullWorkflowType, sourceScheduleId } from '../core/source/workflow.ts'
import { taskQueues, workflowTypes } from '../workflows/messages.ts'
import { startLoop, type Loop } from './loop.ts'

export type ScheduleDeps = {
  readonly temporal: TemporalClient
  readonly sources: Config['sources']
  readonly log: Logger
}

const LOOK_EVERY_MS = 60_000
const SIGNATURES = 'signatures:'

/** Keeps Temporal's schedules in step: each source's `every`, the daily look at signatures, no others. */
export function startSchedules({ temporal, sources, log }: ScheduleDeps): Loop {
  const groups = [
    { prefix: sourceScheduleId(''), wanted: sources.flatMap(toSchedule) },
    { prefix: SIGNATURES, wanted: [dailySignatures] },
  ]
  return startLoop({
    task: 'keep the schedules',
    log,
    intervalMs: LOOK_EVERY_MS,
    async step() {
      for (const group of groups) {
        const kept = await keepSchedules(temporal, group)
        const isChanged = Object.values(kept).some((ids) => ids.length > 0)
        if (isChanged) log.info(kept, 'Schedules brought in step')
      }
      return false
    },
  })
}

const dailySignatures: WantedSchedule = {
  id: `${SIGNATURES}daily`,
  when: { cron: '30 3 * * *', timeZone: 'UTC' },
  workflowType: workflowTypes.signatureCheck,
  taskQueue: taskQueues.registrar,
  input: {},
  summary: 'Looks at every signature of the vault',
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
