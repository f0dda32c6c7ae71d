import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { SinkReconcileActivities } from '../activities/sink-reconcile.ts'
import { showDetails } from './details.ts'

export type SinkReconcileInput = {
  readonly reconcileId: string
  readonly sink: string
  readonly queue: string
  /** Where an earlier run left off. */
  readonly cursor?: string | undefined
  readonly compared?: number
}

/** Compares a sink with the vault, page by page, and closes the report. */
export async function sinkReconcile(input: SinkReconcileInput): Promise<void> {
  const { reconcileId, sink } = input
  const { reconcilePage, closeReconcile } = proxyActivities<SinkReconcileActivities>({
    taskQueue: input.queue,
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: '15 seconds',
    summary: 'Compare the next persons',
    retry: { initialInterval: '1 second', maximumInterval: '60 seconds' },
  })
  let { cursor, compared = 0 } = input
  for (;;) {
    const page = await reconcilePage({ reconcileId, sink, cursor })
    compared += page.compared
    showDetails(`${compared.toLocaleString('en-US')} persons compared`, {
      Sink: sink,
      ...page.counts,
    })
    if (page.cursor === undefined) break
    cursor = page.cursor
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof sinkReconcile>({ ...input, cursor, compared })
    }
  }
  await closeReconcile({ reconcileId, sink })
}
