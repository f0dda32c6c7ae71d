import type { Context } from '@temporalio/activity'
import { ApplicationFailure, CancelledFailure, defaultPayloadConverter } from '@temporalio/common'
import type { ActivityInterceptors, InjectedSinks, WorkerOptions } from '@temporalio/worker'
import type { SpanStart, Tracing } from '../connectors/tracing/tracing.ts'
import { spanIdOfRun } from '../core/traceparent.ts'
import { traceparentHeader, type TraceSinks } from '../workflows/messages.ts'

type ActivityFactory = (context: Context) => ActivityInterceptors
type RunInfo = Parameters<InjectedSinks<TraceSinks>['traces']['endRun']['fn']>[0]
type ActivityInbound = NonNullable<ActivityInterceptors['inbound']>
type ActivityHeaders = Parameters<NonNullable<ActivityInbound['execute']>>[0]['headers']

/** What gives each attempt of an activity its span in the trace of its run. */
export function createTraceInterceptors(tracing: Tracing | undefined): ActivityFactory[] {
  if (!tracing) return []
  return [(context) => ({ inbound: createInbound(context, tracing) })]
}

/** Takes what runs tell about their ends; without tracing it is dropped. */
export function createTraceSinks(
  tracing: Tracing | undefined,
): NonNullable<WorkerOptions['sinks']> & InjectedSinks<TraceSinks> {
  return {
    traces: {
      endRun: {
        fn: (info, failure) => tracing?.startSpan(toRunSpan(info)).end({ failure }),
        callDuringReplay: false,
      },
    },
  }
}

function createInbound({ info }: Context, tracing: Tracing): ActivityInbound {
  return {
    async execute(input, next) {
      const parent = findTraceparent(input.headers)
      if (parent === undefined) return await next(input)
      const span = tracing.startSpan({ ...toActivitySpan(info), parent })
      try {
        const result = await next(input)
        span.end()
        return result
      } catch (error) {
        span.end({ failure: describeFailure(error) })
        throw error
      }
    },
  }
}

// The names of spans and attributes are those of Temporal's own instrumentation.
function toActivitySpan(info: Context['info']): SpanStart {
  return {
    name: `RunActivity:${info.activityType}`,
    kind: 'internal',
    attributes: {
      temporalActivityId: info.activityId,
      temporalWorkflowId: info.workflowExecution?.workflowId ?? '',
      run_id: info.workflowExecution?.runId ?? '',
      attempt: info.attempt,
    },
  }
}

function toRunSpan(info: RunInfo): SpanStart {
  const { traceparent, requestId } = info.memo ?? {}
  return {
    name: `RunWorkflow:${info.workflowType}`,
    kind: 'internal',
    parent: String(traceparent),
    spanId: spanIdOfRun(info.runId),
    startedAt: new Date(info.runStartTime),
    attributes: {
      temporalWorkflowId: info.workflowId,
      run_id: info.runId,
      'registrar.request_id': String(requestId),
    },
  }
}

function findTraceparent(headers: ActivityHeaders): string | undefined {
  const payload = headers[traceparentHeader]
  if (payload === undefined) return undefined
  const value: unknown = defaultPayloadConverter.fromPayload(payload)
  return typeof value === 'string' ? value : undefined
}

// Never the message: a code says enough here.
function describeFailure(error: unknown): string {
  if (error instanceof CancelledFailure) return 'cancelled'
  return (error instanceof ApplicationFailure ? error.type : undefined) ?? 'unexpected'
}
