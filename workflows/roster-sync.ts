import {
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
import { longWork, shortWork } from './activity-options.ts'
import { showDetails } from './details.ts'
import { codeOf } from './failure-code.ts'

const stopAsked = defineSignal(rosterStopSignal)
const woken = defineSignal(rosterWakeSignal)

const { openRosterRun, endRosterRun } = proxyActivities<RosterActivities>(shortWork)
const { pullRoster } = proxyActivities<Pick<RosterActivities, 'pullRoster'>>({
  ...longWork,
  summary: 'Read the source',
})
const { planRoster } = proxyActivities<Pick<RosterActivities, 'planRoster'>>({
  ...longWork,
  summary: 'Work out what changes',
})
const { applyRoster } = proxyActivities<Pick<RosterActivities, 'applyRoster'>>({
  ...longWork,
  summary: 'Write to the target',
})
const { seatRoster } = proxyActivities<Pick<RosterActivities, 'seatRoster'>>({
  ...longWork,
  summary: 'Give seats',
})
const { closeRosterRun } = proxyActivities<Pick<RosterActivities, 'closeRosterRun'>>({
  ...longWork,
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

async function carryOut({ runId, wake }: Carrying, from: 'pulling' | 'applying'): Promise<void> {
  if (from === 'pulling') {
    showDetails('Reading the source', {})
    await repeat(wake, async () => await pullRoster({ runId }))
    showDetails('Working out what changes', {})
    const { state } = await planRoster({ runId })
    showDetails('Planned', { State: state })
    if (state !== 'applying') return
  }
  showDetails('Writing to the target', {})
  await repeat<ApplyCursor>(wake, async (cursor) => await applyRoster({ runId, ...cursor }))
  showDetails('Giving seats', {})
  await repeat<SeatCursor>(wake, async (cursor) => await seatRoster({ runId, ...cursor }))
  const { state, counts } = await closeRosterRun({ runId })
  show(state, counts)
}

/** A part of the work, and how far it has come. */
type Slice<Cursor> = { readonly cursor?: Cursor } & (
  { readonly state: 'more' | 'done' } | { readonly state: 'paused'; readonly untilMs: number }
)

/** Works slice by slice, from where the one before left off, until all is done; waits for pauses to end. */
async function repeat<Cursor>(
  wake: Carrying['wake'],
  work: (from: { readonly cursor?: Cursor }) => Promise<Slice<Cursor>>,
): Promise<void> {
  let from: { readonly cursor?: Cursor } = {}
  for (;;) {
    wake.isAsked = false
    const { cursor, ...slice } = await work(from)
    from = cursor === undefined ? {} : { cursor }
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
  const code = codeOf(error)
  if (code === 'stopped') return { state: 'stopped' }
  const cause = error instanceof ActivityFailure ? error.cause : error
  return {
    state: 'failed',
    code,
    ...(cause instanceof ApplicationFailure && { message: cause.message }),
  }
}
