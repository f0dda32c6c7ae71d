import { deleteOldIdempotencyKeys } from '../db/idempotency-keys.ts'
import type { ApiContext } from './context.ts'
import { toAppError } from './problem.ts'

const INTERVAL_MS = 60 * 60 * 1000

/** Forgets old idempotency keys now and every hour; answers with the function that stops it. */
export function startHousekeeping(context: Pick<ApiContext, 'db' | 'log'>): () => void {
  const sweep = async (): Promise<void> => {
    try {
      await deleteOldIdempotencyKeys(context.db)
    } catch (error) {
      context.log.warn({ code: toAppError(error).code }, 'idempotency keys not swept')
    }
  }
  const timer = setInterval(() => void sweep(), INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
