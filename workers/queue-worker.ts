import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker'
import type { PayloadCodec } from '@temporalio/common'
import type { Tracing } from '../connectors/tracing/tracing.ts'
import { isSinkQueue } from '../core/profile/lanes.ts'
import { createDataConverter } from '../crypto/data-converter.ts'
import { taskQueues } from '../workflows/messages.ts'
import { createActivityInterceptors } from './interceptors.ts'
import { createTraceInterceptors, createTraceSinks } from './tracing.ts'

export type QueueWorkerOptions = {
  readonly connection: NativeConnection
  readonly namespace: string
  readonly taskQueue: string
  readonly codec: PayloadCodec
  /** Path of the workflow bundle. */
  readonly bundlePath: string
  readonly activities: object
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined
}

type Tuning = Pick<
  WorkerOptions,
  | 'maxConcurrentActivityTaskExecutions'
  | 'maxConcurrentWorkflowTaskExecutions'
  | 'maxConcurrentActivityTaskPolls'
  | 'maxConcurrentWorkflowTaskPolls'
  | 'maxEagerActivityReservationsPerWorkflowTask'
>

const DEFAULT_TUNING: Tuning = {
  maxConcurrentActivityTaskExecutions: 50,
  maxConcurrentWorkflowTaskExecutions: 20,
  maxConcurrentActivityTaskPolls: 5,
  maxConcurrentWorkflowTaskPolls: 5,
}

/** How many deliveries to one sink run at once in a worker. */
export const SINK_SLOTS = 6

// Deliveries keep a connection each, and the machine at the other end has its limits.
const SINK_TUNING: Tuning = {
  ...DEFAULT_TUNING,
  maxConcurrentActivityTaskExecutions: SINK_SLOTS,
  maxConcurrentActivityTaskPolls: 2,
}

// Senders only wait most of the time, and one that waits must not keep others from theirs.
const WEBHOOK_TUNING: Tuning = {
  ...DEFAULT_TUNING,
  maxConcurrentActivityTaskExecutions: 200,
  maxConcurrentActivityTaskPolls: 2,
}

const SHARED_SINK_QUEUES: ReadonlySet<string> = new Set([
  taskQueues.sinkLdap,
  taskQueues.sinkAuth0,
  taskQueues.sinkSql,
  taskQueues.sinkWebhook,
])

const TUNING: Readonly<Record<string, Tuning>> = {
  // A chunk is megabytes in memory and seconds of CPU: few at once.
  [taskQueues.ingest]: { ...DEFAULT_TUNING, maxConcurrentActivityTaskExecutions: 8 },
  [taskQueues.sinkWebhook]: WEBHOOK_TUNING,
}

/**
 * A worker for one task queue: every workflow and activity of the product, our codec and
 * interceptors. On the queues of sinks there are activities alone.
 */
export async function createQueueWorker(options: QueueWorkerOptions): Promise<Worker> {
  return await Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    ...(isForSinks(options.taskQueue) ? {} : { workflowBundle: { codePath: options.bundlePath } }),
    activities: options.activities,
    dataConverter: createDataConverter(options.codec),
    interceptors: {
      activity: [createActivityInterceptors, ...createTraceInterceptors(options.tracing)],
    },
    sinks: createTraceSinks(options.tracing),
    maxCachedWorkflows: 200,
    shutdownGraceTime: '5 seconds',
    shutdownForceTime: '9 seconds',
    // A cancelled upload stops within seconds, and a lost worker is noticed as fast.
    defaultHeartbeatThrottleInterval: '5 seconds',
    maxHeartbeatThrottleInterval: '5 seconds',
    ...tuningOf(options.taskQueue),
  })
}

function tuningOf(taskQueue: string): Tuning {
  return TUNING[taskQueue] ?? (isForSinks(taskQueue) ? SINK_TUNING : DEFAULT_TUNING)
}

function isForSinks(taskQueue: string): boolean {
  return isSinkQueue(taskQueue) || SHARED_SINK_QUEUES.has(taskQueue)
}
