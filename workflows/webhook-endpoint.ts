import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { WebhookActivities } from '../activities/webhook.ts'
import { webhookWakeSignal } from '../core/webhook/workflow.ts'
import { showDetails } from './details.ts'
import { taskQueues } from './messages.ts'

export type WebhookEndpointInput = {
  readonly endpointId: string
  /** Of earlier runs, for operators to see. */
  readonly attempts?: number
  /** Events after which another run goes on; the server's own suggestion unless said. */
  readonly maxEvents?: number
}

const wake = defineSignal<[unknown]>(webhookWakeSignal)

const { drainEndpoint } = proxyActivities<WebhookActivities>({
  taskQueue: taskQueues.sinkWebhook,
  summary: 'Send what is due',
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '15 seconds',
  // For as long as it takes: receivers that fail are no failure of the activity.
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '10 seconds',
  },
})

/**
 * Sends what is in the queue of one endpoint, and sleeps until the next attempt is due or something
 * new is queued. The queue itself is in PostgreSQL; the run ends when nothing waits in it.
 */
export async function webhookEndpoint(input: WebhookEndpointInput): Promise<void> {
  const { endpointId, maxEvents } = input
  let attempts = input.attempts ?? 0
  let isWoken = false
  setHandler(wake, () => {
    isWoken = true
  })
  for (;;) {
    isWoken = false
    const round = await drainEndpoint({ endpointId })
    attempts += round.attempts
    // Nothing is awaited before the end: a signal that comes now opens the run again.
    if (!isWoken && round.dueInMs === undefined) return
    show(attempts, round.dueInMs)
    if (isHistoryLong(maxEvents)) {
      return await continueAsNew<typeof webhookEndpoint>({ ...input, attempts })
    }
    if (!isWoken) await condition(() => isWoken, round.dueInMs ?? 0)
  }
}

function isHistoryLong(maxEvents: number | undefined): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo()
  return maxEvents === undefined ? continueAsNewSuggested : historyLength >= maxEvents
}

function show(attempts: number, dueInMs: number | undefined): void {
  const heading = dueInMs === undefined ? 'Nothing waits' : 'Messages wait'
  const seconds = dueInMs === undefined ? undefined : Math.ceil(dueInMs / 1000)
  showDetails(heading, { attempts, 'next attempt in seconds': seconds })
}
