import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 250
const TIMEOUT_MS = 2_000

/** Waits until `GET /readyz` answers 200; false when the signal aborts first. */
export async function waitUntilReady(apiUrl: string, signal: AbortSignal): Promise<boolean> {
  while (!(await isReady(apiUrl))) {
    await delay(POLL_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return false
  }
  return true
}

async function isReady(apiUrl: string): Promise<boolean> {
  try {
    const answer = await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}
