import { Context } from '@temporalio/activity'

const INTERVAL_MS = 2_000

/** Runs an activity's work with heartbeats all along, so that a lost worker is noticed in seconds. */
export async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current()
  context.heartbeat()
  const timer = setInterval(() => context.heartbeat(), INTERVAL_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
