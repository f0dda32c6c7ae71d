import { setTimeout as delay } from 'node:timers/promises'

const DEADLINE_MS = 110_000
const POLL_MS = 20
const MAX_POLL_MS = 100
const WAITED_PER_POLL = 0.05

/**
 * Asks again until the answer is true, less often the longer it takes; fails after two minutes or so
 * unless said, saying what was waited for.
 */
export async function waitUntil(
  what: string,
  isTrue: () => Promise<boolean>,
  patienceMs: number = DEADLINE_MS,
  maxPollMs: number = MAX_POLL_MS,
): Promise<void> {
  const start = Date.now()
  while (!(await isTrue())) {
    const waited = Date.now() - start
    if (waited > patienceMs) throw new Error(`Cannot wait any longer until ${what}`)
    await delay(Math.min(POLL_MS + waited * WAITED_PER_POLL, maxPollMs))
  }
}
