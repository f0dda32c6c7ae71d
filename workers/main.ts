import type { Config } from '../config/config.ts'
import type { Logger } from '../config/log.ts'
import { createActivities } from './activities.ts'
import { builtBundlePath } from './bundle.ts'
import { createWorkerContext, type WorkerContext } from './context.ts'
import { startEngine, type Engine } from './engine.ts'
import { startEventRelay } from './event-relay.ts'
import { startHousekeeping } from './housekeeping.ts'
import { startLoop } from './loop.ts'
import { startLostRunWatch } from './lost-runs.ts'
import {
  createWorkerMetrics,
  serveMetrics,
  type MetricsServer,
  type WorkerMetrics,
} from './metrics.ts'
import { listQueues } from './queues.ts'
import { startRelay } from './relay.ts'
import { startRosterSchedules } from './roster-schedules.ts'
import { startRosterWakes } from './roster-wakes.ts'
import { installRuntime } from './runtime.ts'
import { startSchedules } from './schedules.ts'
import { startSealer } from './sealer.ts'

export type WorkerProcessOptions = {
  readonly config: Config
  readonly log: Logger
  /** All of them unless said. */
  readonly queues?: readonly string[]
  /** The one that the build left unless said. */
  readonly bundlePath?: string
  /** Serves `/metrics` and `/healthz` there; nowhere unless said. */
  readonly metrics?: { readonly host: string; readonly port: number }
}

export type WorkerProcess = {
  /** Takes no more work, lets tasks in flight finish for some seconds, and lets go of everything. */
  readonly close: () => Promise<void>
  /** Resolves once the workers have ended. */
  readonly done: Promise<void>
  /** Where `/metrics` and `/healthz` are served, if they are. */
  readonly metricsUrl: string | undefined
}

type Part = { readonly close: () => Promise<void> }

const SEAL_INTERVAL_MS = 2_000
const SECRETS_INTERVAL_MS = 15_000

/**
 * Starts a worker: task queues, outbox relay, audit sealer, housekeeping. It comes up and waits
 * where Temporal is away; throws when the settings, the keys or PostgreSQL will not do.
 */
export async function startWorker(options: WorkerProcessOptions): Promise<WorkerProcess> {
  installRuntime(options.log)
  const context = await createWorkerContext(options.config, options.log)
  const metrics = createWorkerMetrics(context.db)
  const server = await startServer(context, options, metrics)
  const engine = startEngineOf(context, options, metrics)
  const parts: Part[] = [engine, ...startLoops(context, metrics), ...(server ? [server] : [])]
  return {
    done: engine.done,
    metricsUrl: server?.url,
    async close() {
      await Promise.all(parts.map(async (part) => await part.close()))
      await context.close()
    },
  }
}

async function startServer(
  context: WorkerContext,
  { metrics: listen }: WorkerProcessOptions,
  metrics: WorkerMetrics,
): Promise<MetricsServer | undefined> {
  if (!listen) return undefined
  try {
    return await serveMetrics(metrics, listen)
  } catch (error) {
    await context.close()
    throw error
  }
}

function startEngineOf(
  context: WorkerContext,
  options: WorkerProcessOptions,
  metrics: WorkerMetrics,
): Engine {
  const { config, temporal, temporalAddress, codec, tracing, log } = context
  return startEngine({
    temporal,
    access: { ...config.temporal.connection, address: temporalAddress },
    codec,
    tracing,
    queues: options.queues ?? listQueues(config.sinks),
    bundlePath: options.bundlePath ?? builtBundlePath,
    activities: createActivities(context, metrics.countDelivery),
    log,
    onPolling: metrics.setPolling,
  })
}

function startLoops(context: WorkerContext, metrics: WorkerMetrics): Part[] {
  const { db, temporal, ring, blobs, webhookSinks, mailer, log, config } = context
  const { compacts } = config
  const hasMail = mailer !== undefined
  return [
    startRelay({ db, temporal, log, onHandedOver: metrics.countHandedOver }),
    startSealer({ db, ring, log, intervalMs: SEAL_INTERVAL_MS, dataDir: config.dataDir }),
    startHousekeeping({ db, blobs, log }),
    startLostRunWatch({ db, temporal, log }),
    startSchedules({ temporal, sources: config.sources, log }),
    startRosterSchedules({
      db,
      temporal,
      intervalSeconds: config.rosters.syncIntervalSeconds,
      log,
    }),
    startRosterWakes({ db, temporal, log }),
    startLoop({
      task: 'read the secrets again',
      log,
      intervalMs: SECRETS_INTERVAL_MS,
      async step() {
        const systems = await context.refreshSecrets()
        if (systems.length > 0) log.info({ systems }, 'Opened anew with changed secrets')
        return false
      },
    }),
    startEventRelay({ db, temporal, sinks: webhookSinks, compacts, hasMail, log }),
  ]
}
