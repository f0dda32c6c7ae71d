import { setTimeout as delay } from 'node:timers/promises'

const DEADLINE_MS = 110_000
const POLL_MS = 20
const MAX_POLL_MS = 100
const WAITED_PER_POLL = 0.05

export type Patience = {
  /** Two minutes or so unless said. */
  readonly patienceMs?: number
  /** How far apart the last of many questions may be; for what is soon over. */
  readonly maxPollMs?: number
}

/** Asks again until the answer is true, less often the longer it takes; fails when patience ends, saying what was waited for. */
export async function waitUntil(
  what: string,
  isTrue: () => Promise<boolean>,
  patience: Patience = {},
): Promise<void> {
  const { patienceMs = DEADLINE_MS, maxPollMs = MAX_POLL_MS } = patience
  const start = Date.now()
  while (!(await isTrue())) {
    const waited = Date.now() - start
    if (waited > patienceMs) throw new Error(`Cannot wait any longer until ${what}`)
    await delay(Math.min(POLL_MS + waited * WAITED_PER_POLL, maxPollMs))
  }
}
