import {
  Client,
  Connection,
  NamespaceNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  type TLSConfig,
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

export type TemporalOptions = {
  /** `host:port`. */
  readonly address: string
  readonly namespace: string
  readonly codec: PayloadCodec
  readonly apiKey?: string | undefined
  readonly tls?: TLSConfig | boolean | undefined
  /** Shown to operators beside what this process did. */
  readonly identity?: string | undefined
}

export type TemporalClient = {
  readonly namespace: string
  /** The one connection, for calls of the raw services. */
  readonly connection: Connection
  /** Runs SDK calls under one deadline (5 s unless said); every failure comes out as an AppError. */
  readonly call: <T>(work: (client: Client) => Promise<T>, options?: CallOptions) => Promise<T>
  readonly close: () => Promise<void>
}

export type CallOptions = { readonly deadlineMs?: number }

/** `already-known`: a run with this id runs or has ended, so the start is done with. */
export type HandOverResult = 'started' | 'already-known'

const DEADLINE_MS = 5_000
const HAND_OVER_DEADLINE_MS = 2_000
const NOT_FOUND = 5
const INVALID_ARGUMENT = 3
const REFUSED_CODES: ReadonlySet<number> = new Set([7, 16])
const AWAY_CODES: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14])

/** A client that connects on first use and again after every outage, so that a process starts while Temporal is away. */
export function createTemporalClient(options: TemporalOptions): TemporalClient {
  const connection = Connection.lazy({
    address: options.address,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
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
    namespace: options.namespace,
    dataConverter: createDataConverter(options.codec),
    ...(options.identity === undefined ? {} : { identity: options.identity }),
  })
  return {
    namespace: options.namespace,
    connection,
    async call(work, { deadlineMs = DEADLINE_MS } = {}) {
      try {
        return await connection.withDeadline(
          Date.now() + deadlineMs,
          async () => await work(client),
        )
      } catch (error) {
        throw toAppError(error)
      }
    },
    close: async () => await connection.close(),
  }
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
      await send(client, start, toSearchAttributePairs(start))
      return 'started'
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already-known'
      // Attributes that nobody was allowed to register must not keep work from running.
      if (!isUnknownSearchAttribute(error)) throw error
      await send(client, start, [])
      return 'started'
    }
  }, deadline)
}

/** Asks a run to end; one that has ended or never was is left alone (`false`). */
export async function cancelRun(temporal: TemporalClient, workflowId: string): Promise<boolean> {
  try {
    await temporal.call(async (client) => await client.workflow.getHandle(workflowId).cancel())
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'run_not_found') return false
    throw error
  }
}

/** Makes sure that the server answers and has our namespace; throws `temporal_unavailable` or `temporal_refused`. */
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

async function send(
  client: Client,
  start: WorkflowStart,
  typedSearchAttributes: SearchAttributePair[],
): Promise<void> {
  const common = {
    workflowId: start.workflowId,
    taskQueue: start.taskQueue,
    args: [start.input],
    staticSummary: start.summary,
    memo: { requestId: start.requestId },
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

function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = findGrpcError(error)
  return cause?.code === INVALID_ARGUMENT && /search attribute/i.test(cause.details)
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof WorkflowNotFoundError) {
    return new AppError('run_not_found', 'Cannot find the workflow run', {
      status: 404,
      cause: error,
    })
  }
  if (error instanceof NamespaceNotFoundError)
    return unavailable('namespace is not registered', error)
  const grpc = findGrpcError(error)
  if (grpc?.code === NOT_FOUND) return unavailable('namespace is not registered', error)
  if (grpc && REFUSED_CODES.has(grpc.code)) {
    return new AppError(
      'temporal_refused',
      'Cannot use Temporal: it refuses our credentials; check TEMPORAL_API_KEY and TEMPORAL_TLS',
      { status: 503, cause: error },
    )
  }
  if (grpc && AWAY_CODES.has(grpc.code)) return unavailable('server does not answer', error)
  return new AppError('temporal_rejected', 'Cannot run the call: Temporal rejects it', {
    status: 500,
    cause: error,
  })
}

function unavailable(reason: string, cause: unknown): AppError {
  return new AppError('temporal_unavailable', `Cannot reach Temporal: ${reason}`, {
    status: 503,
    retryAfterSeconds: 2,
    cause,
  })
}

// The SDK wraps what gRPC throws.
function findGrpcError(
  error: unknown,
): { readonly code: number; readonly details: string } | undefined {
  if (isGrpcServiceError(error)) return error
  if (error instanceof Error && isGrpcServiceError(error.cause)) return error.cause
  return undefined
}
