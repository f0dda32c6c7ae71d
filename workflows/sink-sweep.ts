import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { SinkSweepActivities } from '../activities/sink-sweep.ts'
import { showDetails } from './details.ts'

export type SinkSweepInput = {
  readonly sink: string
  /** Where an earlier run left off. */
  readonly cursor?: string | undefined
  readonly persons?: number
}

const { sweepPage } = proxyActivities<SinkSweepActivities>({
  startToCloseTimeout: '2 minutes',
  summary: 'Ask for the next persons',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/** Asks, page by page, for the propagation of every person of whom a sink lacks something. */
export async function sinkSweep(input: SinkSweepInput): Promise<{ readonly persons: number }> {
  let { cursor, persons = 0 } = input
  for (;;) {
    const page = await sweepPage({ sink: input.sink, cursor })
    persons += page.persons
    showDetails(`${persons.toLocaleString('en-US')} persons asked for`, { Sink: input.sink })
    if (page.cursor === undefined) return { persons }
    cursor = page.cursor
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof sinkSweep>({ sink: input.sink, cursor, persons })
    }
  }
}
