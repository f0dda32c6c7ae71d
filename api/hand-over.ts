import type { Logger } from 'pino'
import { handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import type { WorkflowStart } from '../core/workflow-start.ts'
import type { Database } from '../db/client.ts'
import { deleteStarts } from '../db/workflow-starts.ts'
import type { ApiContext } from './context.ts'
import { toAppError } from './problem.ts'

export type HandOverDeps = {
  readonly db: Database
  /** Undefined: everything is left to the relay. */
  readonly temporal: TemporalClient | undefined
  readonly log: Logger
}

type Batch = { readonly ids: number[]; start: WorkflowStart }

/**
 * Creates what hands committed starts to Temporal. While one of a `mergeKey` is on its way, those that
 * come wait, and then go as one: the newest.
 */
export function createHandOver(deps: HandOverDeps): ApiContext['handOver'] {
  const waiting = new Map<string, Batch>()
  return async (id, start) => {
    if (!deps.temporal) return
    const key = `${start.workflowId} ${start.mergeKey ?? id}`
    const batch = waiting.get(key)
    if (batch) {
      batch.ids.push(id)
      batch.start = start
      return
    }
    for (let next: Batch = { ids: [id], start }; next.ids.length > 0;) {
      const later: Batch = { ids: [], start }
      waiting.set(key, later)
      await send({ ...deps, temporal: deps.temporal }, next)
      next = later
    }
    waiting.delete(key)
  }
}

async function send(
  { db, temporal, log }: HandOverDeps & { readonly temporal: TemporalClient },
  { ids, start }: Batch,
): Promise<void> {
  try {
    await handOverStart(temporal, start)
    await deleteStarts(db, ids)
  } catch (error) {
    const { code } = toAppError(error)
    log.warn({ code, requestId: start.requestId }, 'start left to the relay')
  }
}
