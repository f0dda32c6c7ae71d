import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../config/log.ts'
import { AppError } from '../core/errors.ts'

/** A process that runs. */
export type RunningPart = {
  /** Resolves when it is gone, for whatever reason. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

export type PartOptions = {
  /** For logs and messages: "PostgreSQL", "the API". */
  readonly name: string
  /** Resolves when the part does its work; gives up when the signal comes. */
  readonly start: (signal: AbortSignal) => Promise<RunningPart>
  readonly log: Logger
  /** Called once when the part cannot be kept running. */
  readonly onGivenUp: (error: AppError) => void
  /** For tests with less patience. */
  readonly firstDelayMs?: number
}

export type KeptPart = { readonly stop: () => Promise<void> }

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5_000
const MAX_FAILURES = 8
// What lived this long did not die of its start.
const STABLE_MS = 10_000

/**
 * Starts a part and starts it again whenever it ends, with growing pauses, until `stop`. The first
 * start throws; after eight deaths and failed starts in a row the part is given up.
 */
export async function keepRunning(options: PartOptions): Promise<KeptPart> {
  const stopping = new AbortController()
  let running = await options.start(stopping.signal)
  const watch = async (): Promise<void> => {
    let failures = 0
    while (!stopping.signal.aborted) {
      const since = Date.now()
      await running.ended
      failures = Date.now() - since > STABLE_MS ? 0 : failures + 1
      const next = await startAgain(options, { failures, signal: stopping.signal })
      if (!next) return
      running = next.part
      failures = next.failures
    }
    await running.stop()
  }
  const watched = watch()
  return {
    async stop() {
      stopping.abort()
      await running.stop()
      await watched
    },
  }
}

type Attempts = { readonly failures: number; readonly signal: AbortSignal }

async function startAgain(
  options: PartOptions,
  { failures: already, signal }: Attempts,
): Promise<{ part: RunningPart; failures: number } | undefined> {
  const { name, log, firstDelayMs = FIRST_DELAY_MS } = options
  let reason = 'it ends by itself'
  for (let failures = already; ; failures += 1) {
    if (signal.aborted) return undefined
    if (failures > MAX_FAILURES) {
      options.onGivenUp(createGivenUp(name, reason))
      return undefined
    }
    log.warn({ part: name, failures, reason }, 'ended; starts it again')
    await delay(Math.min(firstDelayMs * 2 ** failures, MAX_DELAY_MS), undefined, { signal }).catch(
      () => {},
    )
    if (signal.aborted) return undefined
    try {
      return { part: await options.start(signal), failures }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error)
    }
  }
}

function createGivenUp(name: string, reason: string): AppError {
  return new AppError('part_given_up', `Cannot keep ${name} running: ${reason}`, {
    status: 500,
    expose: true,
  })
}
