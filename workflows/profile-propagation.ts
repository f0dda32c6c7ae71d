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
  const propagation = new Propagation(input)
  setHandler(changed, (signal) => propagation.ask(signal))
  const lanes = await propagation.carryOut()
  // Nothing is waited for from here on: a signal that comes now opens the run again.
  if (lanes.some(isBehind)) await continueAsNew<typeof profilePropagation>({ ...input, lanes })
}

class Propagation {
  readonly #profileId: string
  readonly #maxEvents: number | undefined
  readonly #lanes: Map<string, LaneState>
  readonly #running = new Set<string>()
  readonly #deliveries = new CancellationScope()
  #failure: Error | undefined

  constructor({ profileId, lanes = [], maxEvents }: ProfilePropagationInput) {
    this.#profileId = profileId
    this.#maxEvents = maxEvents
    this.#lanes = new Map(lanes.map((lane) => [lane.sink, lane]))
  }

  ask(signal: ChangedSignal): void {
    for (const { sink, queue } of signal.lanes) {
      const lane = this.#lanes.get(sink) ?? { sink, asked: 0, answered: 0, settled: 0 }
      this.#lanes.set(sink, { ...lane, queue, asked: lane.asked + 1 })
    }
    this.#startLanes()
  }

  /** Works until no lane has anything left to do, or the history is long; answers how far they are. */
  async carryOut(): Promise<readonly LaneState[]> {
    this.#startLanes()
    await condition(() => this.#hasEnded() || this.#isLong())
    if (!this.#hasEnded()) await this.#endDeliveries()
    if (this.#failure !== undefined) throw this.#failure
    return [...this.#lanes.values()]
  }

  #startLanes(): void {
    for (const { sink } of this.#lanes.values()) {
      if (this.#findWork(sink) && !this.#running.has(sink)) void this.#run(sink)
    }
  }

  async #run(sink: string): Promise<void> {
    this.#running.add(sink)
    let patienceMs = FIRST_PATIENCE_MS
    try {
      for (let lane = this.#findWork(sink); lane; lane = this.#findWork(sink)) {
        await this.#deliver(lane)
        if (this.#findWork(sink) && patched(QUIET_PATCH)) {
          patienceMs = await this.#waitForQuiet(sink, patienceMs)
        }
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (!(isCancellation(error) && this.#deliveries.consideredCancelled)) this.#failure ??= error
    } finally {
      this.#running.delete(sink)
    }
  }

  async #deliver(lane: LaneState): Promise<void> {
    const { sink, queue } = lane
    const { serial: settled } = await this.#deliveries.run(
      async () => await deliver({ sink, queue }, this.#profileId),
    )
    // Whoever asked meanwhile may know of something that this delivery did not see.
    this.#lanes.set(sink, {
      ...(this.#lanes.get(sink) ?? lane),
      answered: lane.asked,
      settled,
    })
    show(this.#lanes)
  }

  // Between deliveries: a burst of changes is to be one of them. Answers for how long to wait next time.
  async #waitForQuiet(sink: string, patienceMs: number): Promise<number> {
    const until = Date.now() + patienceMs
    let quietMs = QUIET_MS
    for (; Date.now() < until && !this.#isLong(); quietMs = QUIET_AFTER_BURST_MS) {
      const before = this.#lanes.get(sink)?.asked
      await sleep(quietMs)
      if (this.#lanes.get(sink)?.asked === before) return FIRST_PATIENCE_MS
    }
    return Math.min(2 * patienceMs, MAX_PATIENCE_MS)
  }

  // The next run begins what is given up here anew.
  async #endDeliveries(): Promise<void> {
    const hasEnded = (): boolean => this.#hasEnded()
    if (patched(HAND_OVER_PATCH) && !(await condition(hasEnded, LAST_DELIVERIES))) {
      this.#deliveries.cancel()
    }
    await condition(hasEnded)
  }

  #findWork(sink: string): LaneState | undefined {
    const lane = this.#lanes.get(sink)
    return lane && isBehind(lane) && !this.#isLong() ? lane : undefined
  }

  #hasEnded(): boolean {
    return this.#running.size === 0
  }

  #isLong(): boolean {
    return isHistoryLong(this.#maxEvents)
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
