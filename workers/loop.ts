import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../config/log.ts'
import { AppError } from '../core/errors.ts'

export type LoopOptions = {
  /** What the loop does, for its log lines: "hand over work". */
  readonly task: string
  readonly log: Logger
  readonly intervalMs: number
  /** One round; `true` asks for the next one at once. */
  readonly step: (signal: AbortSignal) => Promise<boolean>
}

export type Loop = {
  /** Lets the round in hand finish and stops. */
  readonly close: () => Promise<void>
}

/** Runs `step` again and again until it is closed. Failures are logged when they begin and when they end. */
export function startLoop(options: LoopOptions): Loop {
  const stop = new AbortController()
  const done = run(options, stop.signal)
  return {
    async close() {
      stop.abort()
      await done
    },
  }
}

/** A stable code for logs: of an AppError, of PostgreSQL or of the operating system. */
export function codeOf(error: unknown): string {
  if (error instanceof AppError) return error.code
  return error instanceof Error && 'code' in error ? String(error.code) : 'unexpected'
}

async function run(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { task, log, intervalMs, step } = options
  let isFailing = false
  while (!signal.aborted) {
    try {
      const isMore = await step(signal)
      if (isFailing) log.info(`Again able to ${task}`)
      isFailing = false
      if (isMore) continue
    } catch (error) {
      if (!isFailing) log.warn({ code: codeOf(error) }, `Cannot ${task}; trying again`)
      isFailing = true
    }
    await delay(intervalMs, undefined, { signal }).catch(() => {})
  }
}
