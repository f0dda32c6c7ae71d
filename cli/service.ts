import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Logger } from '../config/log.ts'

/** What a supervised process tells its supervisor. */
export const serviceMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), port: z.number().optional() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
])
export type ServiceMessage = z.infer<typeof serviceMessage>

export type Service = {
  readonly port?: number
  readonly close: () => Promise<void>
  /** Resolves or rejects when the service ends by itself. */
  readonly done?: Promise<void>
}

export type ServiceOptions = {
  readonly log: Logger
  readonly start: () => Promise<Service>
  readonly onReady?: (service: Service) => void
}

const CLOSE_TIMEOUT_MS = 25_000
const SUPERVISED_CLOSE_TIMEOUT_MS = 8_000

/**
 * Runs one service as this process's only work until SIGINT, SIGTERM or SIGHUP, or until its
 * supervisor is gone; then closes it and ends the process with 0. A service that cannot start or
 * ends by itself ends the process with 1.
 */
export async function runService(options: ServiceOptions): Promise<never> {
  const { log } = options
  const stopped = waitForStop(log)
  exitOnCrash(log, stopped)
  try {
    await serve(options, stopped)
  } catch (error) {
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
    exitWith(log, error)
  }
  process.exit(0)
}

async function serve(options: ServiceOptions, stopped: Promise<undefined>): Promise<void> {
  const { log, start, onReady } = options
  const service = await Promise.race([start(), stopped])
  if (!service) return
  tell({ type: 'ready', port: service.port })
  onReady?.(service)
  const ended = service.done?.then(() => 'ended' as const)
  const why = await Promise.race(ended ? [stopped, ended] : [stopped])
  await closeInTime(service, log)
  if (why === 'ended') throw new Error('Cannot go on: the service ended by itself')
}

async function closeInTime(service: Service, log: Logger): Promise<void> {
  const timeoutMs = process.channel ? SUPERVISED_CLOSE_TIMEOUT_MS : CLOSE_TIMEOUT_MS
  const isLate = delay(timeoutMs, true, { ref: false })
  if (await Promise.race([service.close(), isLate])) log.warn({ timeoutMs }, 'closes too slowly')
}

async function waitForStop(log: Logger): Promise<undefined> {
  const reason = await new Promise<string>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, done)
    // A supervisor that was killed cannot send a signal.
    if (process.channel) process.once('disconnect', () => done('supervisor is gone'))
  })
  log.info({ reason }, 'stops')
  return undefined
}

function tell(message: ServiceMessage): void {
  if (process.connected) process.send?.(message)
}

// While it stops, what still runs may trip over what is closed already: it is to stop all the same.
function exitOnCrash(log: Logger, stopped: Promise<undefined>): void {
  let onCrash = (error: unknown): void => exitWith(log, error)
  void stopped.then(() => {
    onCrash = (err) => log.warn({ err }, 'failed while it stopped')
  })
  process.on('unhandledRejection', (error) => onCrash(error))
  process.on('uncaughtException', (error) => onCrash(error))
}

function exitWith(log: Logger, error: unknown): never {
  log.fatal({ err: error }, 'ends')
  process.exit(1)
}
