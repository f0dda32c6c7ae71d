import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common'
import {
  ContinueAsNew,
  isCancellation,
  proxySinks,
  workflowInfo,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow'
import { formatTraceparent, parseTraceparent, spanIdOfRun } from '../core/traceparent.ts'
import { traceparentHeader, type TraceSinks } from './messages.ts'

type ActivityHeaders = Parameters<
  NonNullable<WorkflowOutboundCallsInterceptor['scheduleActivity']>
>[0]['headers']

const { traces } = proxySinks<TraceSinks>()

/**
 * Puts a run, its activities and its children into the trace of the request in its memo. Nothing
 * here commands or awaits, so that a history replays the same, traced or not.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    inbound: [
      {
        execute(input, next) {
          const run = next(input)
          if (findTraceparent() !== undefined) void reportEnd(run)
          return run
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) =>
          next({ ...input, headers: withTraceparent(input.headers) }),
        scheduleLocalActivity: (input, next) =>
          next({ ...input, headers: withTraceparent(input.headers) }),
        startChildWorkflowExecution(input, next) {
          const traceparent = findTraceparent()
          const memo = { ...(traceparent && { traceparent }), ...input.options.memo }
          return next({ ...input, options: { ...input.options, memo } })
        },
      },
    ],
  }
}

async function reportEnd(run: Promise<unknown>): Promise<void> {
  try {
    await run
    traces.endRun(undefined)
  } catch (error) {
    traces.endRun(describeFailure(error))
  }
}

function describeFailure(error: unknown): string | undefined {
  if (error instanceof ContinueAsNew) return undefined
  if (isCancellation(error)) return 'cancelled'
  return (error instanceof ApplicationFailure ? error.type : undefined) ?? 'unexpected'
}

function withTraceparent(headers: ActivityHeaders): ActivityHeaders {
  const traceparent = findTraceparent()
  if (traceparent === undefined) return headers
  return { ...headers, [traceparentHeader]: defaultPayloadConverter.toPayload(traceparent) }
}

/** Of this run's span, undefined where its request is not traced. */
function findTraceparent(): string | undefined {
  const { memo, runId } = workflowInfo()
  const parent = memo?.['traceparent']
  const context = typeof parent === 'string' ? parseTraceparent(parent) : undefined
  return context && formatTraceparent({ ...context, spanId: spanIdOfRun(runId) })
}
