import { Context } from '@temporalio/activity'

const INTERVAL_MS = 2_000

/**
 * Runs an activity's work with heartbeats all along, so that a lost worker is noticed in seconds.
 * One that is done before the first costs no heartbeat: its start counts as one.
 */
export async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current()
  const timer = setInterval(() => context.heartbeat(), INTERVAL_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
