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
  /** What is due while a run is under way: left out unless said, or started once after it. */
  readonly overlap?: 'buffer-one'
  /** Spreads the starts of many. */
  readonly jitterMs?: number
  /** Undefined: as an operator has left it. */
  readonly isPaused?: boolean
}

export type KeptSchedules = {
  readonly created: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

const CATCH_UP = '1 minute'
const MEMO = 'registrar'
const NOTE = 'By the settings'
const PAGE_SIZE = 200
const AT_ONCE = 8

/**
 * Makes the schedules whose ids begin with `prefix` the wanted ones: creates what is missing, changes
 * what differs, removes the rest. Whether one is paused is left as it is unless that is wanted too.
 */
export async function keepSchedules(
  temporal: TemporalClient,
  { prefix, wanted }: { readonly prefix: string; readonly wanted: readonly WantedSchedule[] },
): Promise<KeptSchedules> {
  const { namespace } = temporal
  const there = await temporal.call(async (client) => await listIds(client, { namespace, prefix }))
  const missing = wanted.filter(({ id }) => !there.has(id))
  const known = wanted.filter(({ id }) => there.has(id))
  const isOther = await mapInTurn(known, async (schedule) => await change(temporal, schedule))
  const changed = known.filter((_, index) => isOther[index])
  const wantedIds = new Set(wanted.map(({ id }) => id))
  const extra = [...there].filter((id) => !wantedIds.has(id))
  await mapInTurn(missing, async (schedule) => {
    await temporal.call(async (client) => await create(client, schedule))
  })
  await mapInTurn(extra, async (id) => {
    await temporal.call(async (client) => await remove(client, id))
  })
  const idOf = ({ id }: WantedSchedule): string => id
  return { created: missing.map(idOf), changed: changed.map(idOf), removed: extra }
}

// Each call has its own deadline, so that there may be thousands.
async function mapInTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))))
  }
  return results
}

// True when it was another one, or paused where it should not be, or the other way round.
async function change(temporal: TemporalClient, schedule: WantedSchedule): Promise<boolean> {
  return await temporal.call(async (client) => {
    const found = await read(client, schedule.id)
    if (found?.description !== describe(schedule)) {
      // A memo can't be changed: such a schedule is made anew.
      await remove(client, schedule.id)
      await create(client, schedule)
      return true
    }
    const { isPaused } = schedule
    if (isPaused === undefined || isPaused === found.isPaused) return false
    const handle = client.schedule.getHandle(schedule.id)
    if (isPaused) await handle.pause(NOTE)
    else await handle.unpause(NOTE)
    return true
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
async function read(
  client: Client,
  id: string,
): Promise<{ readonly description: unknown; readonly isPaused: boolean } | undefined> {
  try {
    const { memo, state } = await client.schedule.getHandle(id).describe()
    return { description: memo?.[MEMO], isPaused: state.paused }
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
  const { id, when, workflowType, taskQueue, input, summary, overlap, jitterMs, isPaused } =
    schedule
  return {
    scheduleId: id,
    spec: {
      ...('cron' in when
        ? { cronExpressions: [when.cron], timezone: when.timeZone }
        : { intervals: [{ every: when.everyMs }] }),
      ...(jitterMs !== undefined && { jitter: jitterMs }),
    },
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: id,
      taskQueue,
      args: [input],
      staticSummary: summary,
    },
    policies: {
      overlap:
        overlap === 'buffer-one' ? ScheduleOverlapPolicy.BUFFER_ONE : ScheduleOverlapPolicy.SKIP,
      catchupWindow: CATCH_UP,
    },
    ...(isPaused && { state: { paused: true, note: NOTE } }),
    memo: { [MEMO]: describe(schedule) },
  }
}

function describe({ isPaused: _isPaused, ...schedule }: WantedSchedule): string {
  return JSON.stringify(schedule)
}
