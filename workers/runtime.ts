import { setFlagsFromString } from 'node:v8'
import { ApplicationFailure } from '@temporalio/common'
import { Runtime, type LogLevel, type Logger as TemporalLogger } from '@temporalio/worker'
import type { Logger } from '../config/log.ts'

const LEVELS = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const satisfies Record<LogLevel, string>

// Bytes that mean nothing to a reader.
const NOISE: ReadonlySet<string> = new Set(['taskToken', 'timestampNanos', 'sdkComponent'])

// On the queues of sinks that is how it should be, and the SDK has no setting for it.
const EXPECTED: ReadonlySet<string> = new Set([
  'No workflows registered, not polling for workflow tasks',
])

// A breaker sends everybody away who waits for a sink that is down: that it is down was said before.
const SENT_AWAY = 'sink_down'

// Of threads that are made later: those of workflows hold little, and those that parse fill any room
// before they give back what they no longer need.
const THREAD_FLAGS = '--max-semi-space-size=4'

let installed = false

/**
 * Sends what the SDK, workflows and activities log to the process's logger; the first call in a
 * process counts. Signals stay ours.
 */
export function installRuntime(log: Logger): void {
  if (installed) return
  installed = true
  setFlagsFromString(THREAD_FLAGS)
  Runtime.install({
    logger: toTemporalLogger(log),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
    },
  })
}

/** A Temporal logger that writes pino lines, errors under `err`. */
export function toTemporalLogger(log: Logger): TemporalLogger {
  function write(level: LogLevel, message: string, meta?: Record<string | symbol, unknown>): void {
    if (EXPECTED.has(message)) return
    log[isSentAway(meta?.['error']) ? 'debug' : LEVELS[level]](toFields(meta), message)
  }
  return {
    log: write,
    trace: (message, meta) => write('TRACE', message, meta),
    debug: (message, meta) => write('DEBUG', message, meta),
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  }
}

function isSentAway(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === SENT_AWAY
}

function toFields(meta: Record<string | symbol, unknown> = {}): Record<string, unknown> {
  const entries = Object.entries(meta).filter(([name]) => !NOISE.has(name))
  return Object.fromEntries(
    entries.map(([name, value]) => [name === 'error' ? 'err' : name, value]),
  )
}
