import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ConnectionOptions,
} from '@temporalio/client'
import {
  SearchAttributeType,
  defineSearchAttributeKey,
  type PayloadCodec,
  type SearchAttributePair,
} from '@temporalio/common'
import { AppError } from '../core/errors.ts'
import { searchAttributeNames, type WorkflowStart } from '../core/workflow-start.ts'
import { createDataConverter } from '../crypto/data-converter.ts'
import { isUnknownSearchAttribute, toTemporalError } from './temporal-errors.ts'

/** The address and how to get in: TLS, API key and metadata as the SDK's connections take them. */
export type TemporalOptions = Pick<ConnectionOptions, 'tls' | 'apiKey' | 'metadata'> & {
  /** `host:port`. */
  readonly address: string
  readonly namespace: string
  readonly codec: PayloadCodec
  /** Shown to operators beside what this process did. */
  readonly identity?: string | undefined
}

export type TemporalClient = {
  readonly namespace: string
  /** Runs SDK calls under one deadline (5 s unless said); every failure comes out as an AppError. */
  readonly call: <T>(work: (client: Client) => Promise<T>, options?: CallOptions) => Promise<T>
  /** Lets the calls in flight end, each by its deadline, and takes no more. */
  readonly close: () => Promise<void>
}

export type CallOptions = { readonly deadlineMs?: number }

/** `already-known`: a run with this id runs or has ended, so the start is done with. */
export type HandOverResult = 'started' | 'already-known'

const DEADLINE_MS = 5_000
const HAND_OVER_DEADLINE_MS = 2_000

/** A client that connects on first use and again after every outage, so that a process starts while Temporal is away. */
export function createTemporalClient(options: TemporalOptions): TemporalClient {
  const { namespace, codec, identity, ...access } = options
  const connection = Connection.lazy({
    ...access,
    // Few retries: the deadline is short, and what did not get through waits in the outbox.
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: 4 }))],
    // gRPC would wait up to two minutes before it looks again for a server that was away.
    channelArgs: {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  })
  const client = new Client({
    connection,
    namespace,
    dataConverter: createDataConverter(codec),
    ...(identity === undefined ? {} : { identity }),
  })
  const calls = new Set<Promise<unknown>>()
  let isClosing = false
  return {
    namespace,
    async call(work, { deadlineMs = DEADLINE_MS } = {}) {
      if (isClosing) throwClosed()
      const deadline = Date.now() + deadlineMs
      const call = connection.withDeadline(deadline, async () => await work(client))
      calls.add(call)
      try {
        return await call
      } catch (error) {
        throw toTemporalError(error)
      } finally {
        calls.delete(call)
        // Storage that was used once makes every promise of the process dearer until it is disabled.
        if (calls.size === 0) connection.callContextStorage.disable()
      }
    },
    async close() {
      isClosing = true
      // The next try of a call on a closed channel would throw where nobody catches.
      await Promise.allSettled(calls)
      await connection.close()
    },
  }
}

function throwClosed(): never {
  throw new AppError('temporal_unavailable', 'Cannot reach Temporal: this process is stopping', {
    status: 503,
    retryAfterSeconds: 2,
  })
}

/**
 * Asks Temporal to start (or signal and start) one queued workflow. A second hand-over is harmless:
 * without a signal the id is used once for ever, with one the running workflow is signalled.
 */
export async function handOverStart(
  temporal: TemporalClient,
  start: WorkflowStart,
  options: CallOptions = {},
): Promise<HandOverResult> {
  const deadline = { deadlineMs: HAND_OVER_DEADLINE_MS, ...options }
  return await temporal.call(async (client) => {
    try {
      await send(client, start)
      return 'started'
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already-known'
      throw error
    }
  }, deadline)
}

/**
 * Makes sure that the server answers and has our namespace; throws `temporal_unavailable`,
 * `temporal_refused` or `namespace_not_found`.
 */
export async function checkTemporal(
  temporal: TemporalClient,
  options: CallOptions = {},
): Promise<{ readonly version: string }> {
  return await temporal.call(async (client) => {
    const info = await client.workflowService.getSystemInfo({})
    await client.workflowService.describeNamespace({ namespace: temporal.namespace })
    return { version: info.serverVersion }
  }, options)
}

// Attributes that nobody was allowed to register must not keep work from running.
async function send(client: Client, start: WorkflowStart): Promise<void> {
  try {
    await sendWith(client, start, toSearchAttributePairs(start))
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error
    await sendWith(client, start, [])
  }
}

async function sendWith(
  client: Client,
  start: WorkflowStart,
  typedSearchAttributes: SearchAttributePair[],
): Promise<void> {
  const { traceparent } = start
  const common = {
    workflowId: start.workflowId,
    taskQueue: start.taskQueue,
    args: [start.input],
    staticSummary: start.summary,
    memo: { requestId: start.requestId, ...(traceparent && { traceparent }) },
    typedSearchAttributes,
    workflowIdConflictPolicy: 'USE_EXISTING',
  } as const
  if (start.signal === undefined) {
    await client.workflow.start(start.workflowType, {
      ...common,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    })
    return
  }
  await client.workflow.signalWithStart(start.workflowType, {
    ...common,
    signal: start.signal.name,
    signalArgs: [start.signal.input],
  })
}

function toSearchAttributePairs(start: WorkflowStart): SearchAttributePair[] {
  const values = { ...start.searchAttributes, RegistrarRequestId: start.requestId }
  return searchAttributeNames.flatMap((name) => {
    const value = values[name]
    if (value === undefined) return []
    return [{ key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD), value }]
  })
}
