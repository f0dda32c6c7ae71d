import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client'
import { isAppError } from '../core/errors.ts'
import type { TemporalClient } from './temporal.ts'

/** A workflow that Temporal starts by itself, never beside a run of the same schedule. */
export type WantedSchedule = {
  readonly id: string
  /** Cron of five fields in a time zone, or an interval. */
  readonly when: { readonly everyMs: number } | { readonly cron: string; readonly timeZone: string }
  readonly workflowType: string
  readonly taskQueue: string
  readonly input: Readonly<Record<string, unknown>>
  readonly summary: string
}

export type KeptSchedules = {
  readonly created: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

const CATCH_UP = '1 minute'
const MEMO = 'registrar'
const PAGE_SIZE = 200

/**
 * Makes the schedules whose ids begin with `prefix` the wanted ones: creates what is missing, changes
 * what differs, removes the rest. Whether one is paused is left as it is.
 */
export async function keepSchedules(
  temporal: TemporalClient,
  { prefix, wanted }: { readonly prefix: string; readonly wanted: readonly WantedSchedule[] },
): Promise<KeptSchedules> {
  return await temporal.call(async (client) => {
    const there = await listIds(client, { namespace: temporal.namespace, prefix })
    const missing = wanted.filter(({ id }) => !there.has(id))
    const other: WantedSchedule[] = []
    for (const schedule of wanted) {
      if (!there.has(schedule.id)) continue
      if ((await readDescription(client, schedule.id)) !== describe(schedule)) other.push(schedule)
    }
    const wantedIds = new Set(wanted.map(({ id }) => id))
    const extra = [...there].filter((id) => !wantedIds.has(id))
    for (const schedule of missing) await create(client, schedule)
    // A memo can't be changed: such a schedule is made anew.
    for (const { id } of other) await remove(client, id)
    for (const schedule of other) await create(client, schedule)
    for (const id of extra) await remove(client, id)
    const idOf = ({ id }: WantedSchedule): string => id
    return { created: missing.map(idOf), changed: other.map(idOf), removed: extra }
  })
}

// By the service itself: the SDK's list reads what others have encrypted with keys of theirs.
async function listIds(
  client: Client,
  { namespace, prefix }: { readonly namespace: string; readonly prefix: string },
): Promise<Set<string>> {
  const ids = new Set<string>()
  let nextPageToken: Uint8Array | undefined
  do {
    const page = await client.workflowService.listSchedules({
      namespace,
      maximumPageSize: PAGE_SIZE,
      ...(nextPageToken && { nextPageToken }),
    })
    for (const { scheduleId } of page.schedules) {
      if (scheduleId?.startsWith(prefix)) ids.add(scheduleId)
    }
    nextPageToken = page.nextPageToken.length > 0 ? page.nextPageToken : undefined
  } while (nextPageToken)
  return ids
}

// One that is gone since, or whose key is, is as good as another one.
async function readDescription(client: Client, id: string): Promise<unknown> {
  try {
    return (await client.schedule.getHandle(id).describe()).memo?.[MEMO]
  } catch (error) {
    if (error instanceof ScheduleNotFoundError || isAppError(error, 'unknown_key')) return undefined
    throw error
  }
}

async function create(client: Client, schedule: WantedSchedule): Promise<void> {
  try {
    await client.schedule.create(toOptions(schedule))
  } catch (error) {
    // Another worker was faster.
    if (!(error instanceof ScheduleAlreadyRunning)) throw error
  }
}

async function remove(client: Client, id: string): Promise<void> {
  try {
    await client.schedule.getHandle(id).delete()
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error
  }
}

function toOptions(schedule: WantedSchedule): ScheduleOptions {
  const { id, when, workflowType, taskQueue, input, summary } = schedule
  return {
    scheduleId: id,
    spec:
      'cron' in when
        ? { cronExpressions: [when.cron], timezone: when.timeZone }
        : { intervals: [{ every: when.everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: id,
      taskQueue,
      args: [input],
      staticSummary: summary,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCH_UP },
    memo: { [MEMO]: describe(schedule) },
  }
}

function describe(schedule: WantedSchedule): string {
  return JSON.stringify(schedule)
}
