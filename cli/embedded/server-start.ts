import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { hasEnded } from './processes.ts'

export type ServerStart = {
  readonly child: ChildProcess
  /** Passes once the server does its work; asked again and again until then. */
  readonly check: () => Promise<void>
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

const POLL_MS = 50

/**
 * Resolves when a server that was just spawned passes its check. Throws at once when the process
 * ends or the signal comes, and with the last failure of the check when the time is over.
 */
export async function waitForServer(start: ServerStart): Promise<void> {
  const { child, signal } = start
  const over = new AbortController()
  try {
    await Promise.race([
      poll(start, over.signal),
      new Promise<never>((_, reject) => {
        const end = (): void => reject(new Error('it ended'))
        child.once('exit', end)
        child.once('error', reject)
        if (hasEnded(child)) end()
        signal?.addEventListener('abort', () => reject(new Error('it was stopped')))
        if (signal?.aborted) reject(new Error('it was stopped'))
      }),
    ])
  } finally {
    over.abort()
  }
}

async function poll({ check, timeoutMs }: ServerStart, over: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const timedOut = waitForAbort(deadline)
  let failure: unknown = new Error(`no answer within ${timeoutMs / 1000} s`)
  while (!over.aborted) {
    const result = await Promise.race([
      check().then(
        () => 'passed' as const,
        (error: unknown) => {
          failure = error
        },
      ),
      timedOut,
    ])
    if (result === 'passed') return
    if (deadline.aborted) throw failure
    await delay(POLL_MS)
  }
}

async function waitForAbort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
}
