import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setHandler,
  defineSignal,
} from '@temporalio/workflow'
import type { ApplyCursor, RosterActivities, SeatCursor } from '../activities/roster.ts'
import type { RosterCounts } from '../core/roster/run.ts'
import {
  rosterStopSignal,
  rosterWakeSignal,
  type RosterSyncInput,
} from '../core/roster/workflow.ts'
import { showDetails } from './details.ts'

const stopAsked = defineSignal(rosterStopSignal)
const woken = defineSignal(rosterWakeSignal)

const retry = { initialInterval: '1 second', maximumInterval: '30 seconds' } as const
const patient = {
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '15 seconds',
  retry,
  // The books are closed after the last transaction in flight, never before.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const

const { openRosterRun, endRosterRun } = proxyActivities<RosterActivities>({
  startToCloseTimeout: '1 minute',
  retry,
})
const { pullRoster } = proxyActivities<Pick<RosterActivities, 'pullRoster'>>({
  ...patient,
  summary: 'Read the source',
})
const { planRoster } = proxyActivities<Pick<RosterActivities, 'planRoster'>>({
  ...patient,
  summary: 'Work out what changes',
})
const { applyRoster } = proxyActivities<Pick<RosterActivities, 'applyRoster'>>({
  ...patient,
  summary: 'Write to the target',
})
const { seatRoster } = proxyActivities<Pick<RosterActivities, 'seatRoster'>>({
  ...patient,
  summary: 'Give seats',
})
const { closeRosterRun } = proxyActivities<Pick<RosterActivities, 'closeRosterRun'>>({
  ...patient,
  summary: 'Close the books',
})

/**
 * Syncs a roster: reads the source, works out what changes, and writes it to the target, or leaves
 * it held for a decision. A run that was held goes on with exactly the plan that it kept. What is
 * asked to stop ends within seconds, wherever it is.
 */
export async function rosterSync(input: RosterSyncInput): Promise<void> {
  const { providerId, mode = 'incremental', trigger = 'schedule', from = 'pulling' } = input
  const scope = new CancellationScope()
  let isStopped = false
  setHandler(stopAsked, () => {
    isStopped = true
    scope.cancel()
  })
  const wake = { isAsked: false }
  setHandler(woken, () => {
    wake.isAsked = true
  })
  const runId = input.runId ?? (await openRosterRun({ providerId, mode, trigger })).runId
  if (runId === undefined) {
    showDetails('Nothing done: another run is under way, or the provider pauses', {
      Provider: providerId,
    })
    return
  }
  try {
    await scope.run(async () => await carryOut({ runId, wake }, from))
  } catch (error) {
    const isCancelled = !isStopped && CancellationScope.current().consideredCancelled
    const ending =
      isStopped || isCancellation(error) ? ({ state: 'stopped' } as const) : endingOf(error)
    // Also of a run that an operator cancels: the next one is not to wait for it.
    const { state, counts } = await CancellationScope.nonCancellable(
      async () => await endRosterRun({ runId, ...ending }),
    )
    show(state, counts)
    if (isCancelled) throw error
  }
}

type Carrying = {
  readonly runId: string
  /** Somebody asks to look whether a pause has ended; one that came during the last look counts. */
  readonly wake: { isAsked: boolean }
}

async function carryOut(carrying: Carrying, from: 'pulling' | 'applying'): Promise<void> {
  const { runId } = carrying
  if (from === 'pulling') {
    showDetails('Reading the source', {})
    await pull(carrying)
    showDetails('Working out what changes', {})
    const { state } = await planRoster({ runId })
    showDetails('Planned', { State: state })
    if (state !== 'applying') return
  }
  await apply(carrying)
  await seat(carrying)
  const { state, counts } = await closeRosterRun({ runId })
  show(state, counts)
}

async function pull({ runId, wake }: Carrying): Promise<void> {
  for (;;) {
    wake.isAsked = false
    const slice = await pullRoster({ runId })
    if (slice.state === 'done') return
    if (slice.state === 'paused') await waitUntil(slice.untilMs, wake)
  }
}

async function apply({ runId, wake }: Carrying): Promise<void> {
  showDetails('Writing to the target', {})
  let cursor: ApplyCursor | undefined
  for (;;) {
    wake.isAsked = false
    const slice = await applyRoster({ runId, ...(cursor && { cursor }) })
    cursor = slice.cursor
    if (slice.state === 'done') return
    if (slice.state === 'paused') await waitUntil(slice.untilMs, wake)
  }
}

async function seat({ runId, wake }: Carrying): Promise<void> {
  showDetails('Giving seats', {})
  let cursor: SeatCursor | undefined
  for (;;) {
    wake.isAsked = false
    const slice = await seatRoster({ runId, ...(cursor && { cursor }) })
    cursor = slice.cursor
    if (slice.state === 'done') return
    if (slice.state === 'paused') await waitUntil(slice.untilMs, wake)
  }
}

async function waitUntil(atMs: number, wake: Carrying['wake']): Promise<void> {
  showDetails('Waiting for the end of a pause', { Until: new Date(atMs).toISOString() })
  await condition(() => wake.isAsked, Math.max(atMs - Date.now(), 1))
}

function show(state: string, counts: RosterCounts): void {
  const lines = Object.entries(counts).map(([type, count]) => [type, JSON.stringify(count)])
  showDetails(state.charAt(0).toUpperCase() + state.slice(1), Object.fromEntries(lines))
}

type Ending = {
  readonly state: 'failed' | 'stopped'
  readonly code?: string
  readonly message?: string
}

function endingOf(error: unknown): Ending {
  const cause = error instanceof ActivityFailure ? error.cause : error
  if (!(cause instanceof ApplicationFailure)) return { state: 'failed', code: 'unexpected' }
  const code = cause.type ?? 'unexpected'
  if (code === 'stopped') return { state: 'stopped' }
  return { state: 'failed', code, message: cause.message }
}
