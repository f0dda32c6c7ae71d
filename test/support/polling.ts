import { setTimeout as delay } from 'node:timers/promises'

const DEADLINE_MS = 110_000
const POLL_MS = 20

/** Asks again until the answer is true; fails after two minutes or so unless said, saying what was waited for. */
export async function waitUntil(
  what: string,
  isTrue: () => Promise<boolean>,
  patienceMs: number = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`Cannot wait any longer until ${what}`)
    await delay(POLL_MS)
  }
}
