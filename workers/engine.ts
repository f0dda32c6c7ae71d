import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker'
import type { PayloadCodec } from '@temporalio/common'
import type { Logger } from '../config/log.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import type { Tracing } from '../connectors/tracing/tracing.ts'
import { AppError } from '../core/errors.ts'
import { createQueueWorker } from './queue-worker.ts'
import { registerWithTemporal } from './registration.ts'

export type EngineOptions = {
  readonly temporal: TemporalClient
  /** The address and how to get in, for the SDK's native connection. */
  readonly access: Pick<NativeConnectionOptions, 'address' | 'tls' | 'apiKey' | 'metadata'>
  readonly codec: PayloadCodec
  readonly queues: readonly string[]
  readonly bundlePath: string
  readonly activities: object
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined
  readonly log: Logger
  /** Told when the workers poll, and when they no longer do. */
  readonly onPolling?: (isPolling: boolean) => void
}

export type Engine = {
  /** Takes no more tasks, gives those in flight some seconds, and ends. */
  readonly close: () => Promise<void>
  /** Resolves once everything has ended. */
  readonly done: Promise<void>
}

const FIRST_BACKOFF_MS = 250
const MAX_BACKOFF_MS = 2_000

/**
 * Works on the task queues until it is closed: waits for Temporal where it is away, and makes new
 * workers when one fails for good.
 */
export function startEngine(options: EngineOptions): Engine {
  const stop = new AbortController()
  const done = supervise(options, stop.signal)
  return {
    async close() {
      stop.abort()
      await done
    },
    done,
  }
}

async function supervise(options: EngineOptions, signal: AbortSignal): Promise<void> {
  const { log } = options
  let failures = 0
  while (!signal.aborted) {
    const startedAt = Date.now()
    try {
      await work(options, signal)
    } catch (error) {
      failures = Date.now() - startedAt > 10 * MAX_BACKOFF_MS ? 1 : failures + 1
      if (failures === 1) log.warn(describe(error), 'Cannot work for Temporal; trying again')
    }
    if (signal.aborted) return
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS)
    await delay(backoffMs, undefined, { signal }).catch(() => {})
  }
}

// One life of the workers: resolves when they were told to stop; when one fails, the others are
// stopped before its error comes out.
async function work(options: EngineOptions, signal: AbortSignal): Promise<void> {
  const { temporal, log, queues } = options
  await registerWithTemporal(temporal, log)
  const connection = await NativeConnection.connect(options.access)
  const failed = new AbortController()
  const stopped = untilAborted(AbortSignal.any([signal, failed.signal]))
  let waiting = queues.length
  const lanes = queues.map(async (taskQueue) => {
    try {
      const namespace = temporal.namespace
      const worker = await createQueueWorker({ ...options, connection, namespace, taskQueue })
      waiting -= 1
      if (waiting === 0) announce(options)
      await worker.runUntil(stopped)
    } finally {
      failed.abort()
    }
  })
  const results = await Promise.allSettled(lanes)
  options.onPolling?.(false)
  await connection.close()
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}

function announce({ temporal, queues, log, onPolling }: EngineOptions): void {
  log.info({ namespace: temporal.namespace, queues }, 'Working for Temporal')
  onPolling?.(true)
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

function describe(error: unknown): Record<string, unknown> {
  if (error instanceof AppError) return { code: error.code }
  return { err: error }
}
