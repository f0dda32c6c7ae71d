import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  patched,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow'
import type { SinkActivities } from '../activities/sink.ts'
import type { WebhookActivities } from '../activities/webhook.ts'
import { webhooksLane } from '../core/profile/lanes.ts'
import { showDetails } from './details.ts'
import { changedSignal, type ChangedSignal } from './messages.ts'

/** How far a lane has come. */
export type LaneState = {
  readonly sink: string
  readonly queue: string
  /** How often it was asked to deliver, and which of those asks a delivery has come after. */
  readonly asked: number
  readonly answered: number
  /** The newest serial that is settled. */
  readonly settled: number
}

export type ProfilePropagationInput = {
  readonly profileId: string
  /** Where an earlier run left off. */
  readonly lanes?: readonly LaneState[]
  /** Events after which another run goes on; the server's own suggestion unless said. */
  readonly maxEvents?: number
}

type Activities = SinkActivities & Pick<WebhookActivities, 'publishProfileEvent'>

// Changes that keep coming are no quiet: then a sink gets them after a wait that grows.
const QUIET_MS = 500
const QUIET_AFTER_BURST_MS = 1_000
const FIRST_PATIENCE_MS = 6_000
const MAX_PATIENCE_MS = 12_000
const QUIET_PATCH = 'wait-for-quiet'
// A sink that is down keeps a delivery open for hours: a run whose history is long does not wait for it.
const LAST_DELIVERIES = '1 second'
const HAND_OVER_PATCH = 'hand-over-deliveries'

const changed = defineSignal<[ChangedSignal]>(changedSignal)

/**
 * Brings one person's changes to every sink, a lane each, side by side: the first at once; what piles
 * up in a lane meanwhile is delivered as one, once no more comes or it has waited for some seconds.
 * Ends when no lane has anything left to do.
 */
export async function profilePropagation(input: ProfilePropagationInput): Promise<void> {
  const lanes = new Map((input.lanes ?? []).map((lane) => [lane.sink, lane]))
  const running = new Set<string>()
  const deliveries = new CancellationScope()
  let failure: Error | undefined
  const isLong = (): boolean => isHistoryLong(input.maxEvents)

  function findWork(sink: string): LaneState | undefined {
    const lane = lanes.get(sink)
    return lane && isBehind(lane) && !isLong() ? lane : undefined
  }

  // Between deliveries: a burst of changes is to be one of them. Answers for how long to wait next time.
  async function waitForQuiet(sink: string, patienceMs: number): Promise<number> {
    const until = Date.now() + patienceMs
    for (let quietMs = QUIET_MS; Date.now() < until && !isLong(); quietMs = QUIET_AFTER_BURST_MS) {
      const before = lanes.get(sink)?.asked
      await sleep(quietMs)
      if (lanes.get(sink)?.asked === before) return FIRST_PATIENCE_MS
    }
    return Math.min(2 * patienceMs, MAX_PATIENCE_MS)
  }

  async function run(sink: string): Promise<void> {
    running.add(sink)
    let patienceMs = FIRST_PATIENCE_MS
    try {
      for (let lane = findWork(sink); lane; lane = findWork(sink)) {
        const { queue } = lane
        const { serial: settled } = await deliveries.run(
          async () => await deliver({ sink, queue }, input.profileId),
        )
        // Whoever asked meanwhile may know of something that this delivery did not see.
        lanes.set(sink, { ...(lanes.get(sink) ?? lane), answered: lane.asked, settled })
        show(lanes)
        if (findWork(sink) && patched(QUIET_PATCH)) {
          patienceMs = await waitForQuiet(sink, patienceMs)
        }
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (!(isCancellation(error) && deliveries.consideredCancelled)) failure ??= error
    } finally {
      running.delete(sink)
    }
  }

  function startLanes(): void {
    for (const lane of lanes.values()) {
      if (findWork(lane.sink) && !running.has(lane.sink)) void run(lane.sink)
    }
  }

  // The next run begins what is given up here anew.
  async function endDeliveries(): Promise<void> {
    const hasEnded = (): boolean => running.size === 0
    if (patched(HAND_OVER_PATCH) && !(await condition(hasEnded, LAST_DELIVERIES))) {
      deliveries.cancel()
    }
    await condition(hasEnded)
  }

  setHandler(changed, (signal) => {
    for (const { sink, queue } of signal.lanes) {
      const lane = lanes.get(sink) ?? { sink, asked: 0, answered: 0, settled: 0 }
      lanes.set(sink, { ...lane, queue, asked: lane.asked + 1 })
    }
    startLanes()
  })
  startLanes()
  await condition(() => running.size === 0 || isLong())
  if (running.size > 0) await endDeliveries()
  if (failure !== undefined) throw failure
  // Nothing is awaited from here on: a signal that comes now opens the run again.
  if ([...lanes.values()].some(isBehind)) {
    await continueAsNew<typeof profilePropagation>({ ...input, lanes: [...lanes.values()] })
  }
}

function isBehind({ asked, answered }: LaneState): boolean {
  return answered < asked
}

async function deliver(
  { sink, queue }: Pick<LaneState, 'sink' | 'queue'>,
  profileId: string,
): Promise<{ serial: number }> {
  const isWebhooks = sink === webhooksLane.sink
  const { deliverToSink, publishProfileEvent } = proxyActivities<Activities>({
    taskQueue: queue,
    summary: isWebhooks ? 'Tell webhooks' : `Bring to ${sink}`,
    // Webhooks are but queued here; at a sink a worker that was lost is noticed by its heartbeat.
    ...(isWebhooks
      ? { startToCloseTimeout: '15 seconds' }
      : { startToCloseTimeout: '90 seconds', heartbeatTimeout: '12 seconds' }),
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    // For as long as it takes: the activity itself ends what is too old, or cannot be.
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
  })
  if (isWebhooks) return await publishProfileEvent({ profileId })
  return await deliverToSink({ profileId, sink })
}

function isHistoryLong(maxEvents: number | undefined): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo()
  return maxEvents === undefined ? continueAsNewSuggested : historyLength >= maxEvents
}

function show(lanes: ReadonlyMap<string, LaneState>): void {
  const rows = [...lanes.values()].map((lane) => [
    lane.sink,
    isBehind(lane) ? `under way, after change ${lane.settled}` : `has change ${lane.settled}`,
  ])
  const behind = [...lanes.values()].filter(isBehind).length
  const heading =
    behind === 0 ? 'Every sink is up to date' : `${behind} of ${lanes.size} sinks under way`
  showDetails(heading, Object.fromEntries(rows))
}
