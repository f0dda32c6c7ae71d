import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isAppError } from '../core/errors.ts'
import { rosterRunStates, rosterTypes, runningStates } from '../core/roster/run.ts'
import type { Output } from './output.ts'
import { startProgressBar, type ProgressBar } from './progress-bar.ts'
import { readEvents } from './server-events.ts'
import type { TenantSession } from './tenant-options.ts'

const counts = z.object({
  fetched: z.number(),
  created: z.number(),
  updated: z.number(),
  deactivated: z.number(),
  unchanged: z.number(),
  failed: z.number(),
})

const judgement = z.object({
  rule: z.string(),
  type: z.string().optional(),
  school: z.string().optional(),
  count: z.number(),
  limit: z.number(),
  tripped: z.boolean(),
})

/** A run as the API shows it, as far as commands use it. */
export const runView = z.looseObject({
  syncId: z.string(),
  providerId: z.string(),
  mode: z.string(),
  trigger: z.string(),
  state: z.enum(rosterRunStates),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  counts: z.object({ users: counts, schools: counts, sections: counts }),
  guard: z.array(judgement),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  progress: z
    .object({
      done: z.number(),
      total: z.number().nullable(),
      ratePerSecond: z.number().nullable(),
      etaSeconds: z.number().nullable(),
    })
    .optional(),
})
export type RunView = z.output<typeof runView>

/** A plan as the API shows it. */
export const planView = z.looseObject({
  syncId: z.string(),
  state: z.enum(rosterRunStates),
  hash: z.string().nullable(),
  guard: z.array(judgement),
})

const RECONNECT_MS = 1_000
const MAX_FAILURES = 60

/** The run as it is now. */
export async function readRun(session: TenantSession, syncId: string): Promise<RunView> {
  const path = session.pathOf('sync', 'history', syncId)
  return runView.parse(await session.client.sendForJson({ method: 'GET', path }))
}

/** Follows a run with a bar on stderr until it has ended, or is held; a stream that breaks is taken up again. */
export async function followRun(session: TenantSession, syncId: string): Promise<RunView> {
  const first = await readRun(session, syncId)
  const bar = createBar()
  try {
    return await watchRun(session, first, bar.show)
  } finally {
    bar.stop()
  }
}

type Show = (run: RunView) => void

async function watchRun(session: TenantSession, first: RunView, show: Show): Promise<RunView> {
  let run = first
  let failures = 0
  while (runningStates.has(run.state)) {
    try {
      run = await watchToEnd(session, run, show)
      failures = 0
    } catch (error) {
      failures += 1
      // A refusal stays one; a connection that breaks does not.
      const isRefusal = isAppError(error) && error.status < 500
      if (isRefusal || failures > MAX_FAILURES) throw error
      await delay(RECONNECT_MS)
    }
  }
  return run
}

// Ended or not: a stream is closed after a while, and a newer run takes a run's place in it.
async function watchToEnd(session: TenantSession, run: RunView, show: Show): Promise<RunView> {
  for await (const event of watch(session, run)) {
    show(event)
    if (!runningStates.has(event.state)) return event
  }
  await delay(RECONNECT_MS)
  return await readRun(session, run.syncId)
}

/** What became of runs, one a line. */
export function showRuns(output: Output, runs: readonly RunView[]): void {
  output.table(
    ['sync', 'started', 'mode', 'by', 'state', 'users', 'schools', 'sections'],
    runs.map((run) => [
      run.syncId,
      run.startedAt,
      run.mode,
      run.trigger,
      run.error ? `${run.state} (${run.error.code})` : run.state,
      ...rosterTypes.map((type) => describeCounts(run.counts[type])),
    ]),
  )
}

/** The rules of the guard that tripped, or that none did. */
export function showGuard(output: Output, guard: RunView['guard']): void {
  const tripped = guard.filter((rule) => rule.tripped)
  if (tripped.length === 0) return
  output.table(
    ['rule', 'of', 'school', 'count', 'limit'],
    tripped.map(({ rule, type = '', school = '', count, limit }) => [
      rule,
      type,
      school,
      String(count),
      String(limit),
    ]),
  )
}

async function* watch(
  session: TenantSession,
  { syncId, providerId }: RunView,
): AsyncGenerator<RunView> {
  const query = new URLSearchParams({ providerId }).toString()
  const stopped = new AbortController()
  try {
    const response = await session.client.send({
      method: 'GET',
      path: `${session.pathOf('sync', 'events')}?${query}`,
      headers: { accept: 'text/event-stream' },
      signal: stopped.signal,
    })
    for await (const { data } of readEvents(response)) {
      const run = runView.parse(JSON.parse(data))
      // A newer one has begun: this one has ended.
      if (run.syncId !== syncId) return
      yield run
    }
  } finally {
    stopped.abort()
  }
}

// A bar for each state that has a total.
function createBar(): { readonly show: (run: RunView) => void; readonly stop: () => void } {
  let current: { readonly state: string; readonly bar: ProgressBar } | undefined
  return {
    show({ state, progress }) {
      if (!progress) return
      const { done, total, ratePerSecond, etaSeconds } = progress
      if (current?.state !== state) {
        current?.bar.stop()
        current = { state, bar: startProgressBar({ label: state, total: total ?? done }) }
      }
      const rate = ratePerSecond === null ? [] : [`${Math.round(ratePerSecond)} records/s`]
      const eta = etaSeconds === null ? [] : [`${etaSeconds} s left`]
      current.bar.update(done, [...rate, ...eta].join(', '))
    },
    stop: () => current?.bar.stop(),
  }
}

function describeCounts({
  created,
  updated,
  deactivated,
  failed,
}: z.output<typeof counts>): string {
  const parts = [`+${created}`, `~${updated}`, `-${deactivated}`]
  return [...parts, ...(failed > 0 ? [`!${failed}`] : [])].join(' ')
}
