import { defaultPayloadConverter } from '@temporalio/common'
import {
  workflowInfo,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow'
import { requestIdHeader } from './messages.ts'

type ActivityHeaders = Parameters<
  NonNullable<WorkflowOutboundCallsInterceptor['scheduleActivity']>
>[0]['headers']

/** Carries the request id of a run's memo into the headers of its activities, the memo of its children and its logs. */
export function interceptors(): WorkflowInterceptors {
  return {
    outbound: [
      {
        async scheduleActivity(input, next) {
          return await next({ ...input, headers: withRequestId(input.headers) })
        },
        async scheduleLocalActivity(input, next) {
          return await next({ ...input, headers: withRequestId(input.headers) })
        },
        async startChildWorkflowExecution(input, next) {
          const memo = { ...findRequestIdMemo(), ...input.options.memo }
          return await next({ ...input, options: { ...input.options, memo } })
        },
        getLogAttributes(input, next) {
          return next({ ...input, ...findRequestIdMemo() })
        },
      },
    ],
  }
}

function findRequestIdMemo(): { readonly requestId?: string } {
  const requestId = workflowInfo().memo?.['requestId']
  return typeof requestId === 'string' ? { requestId } : {}
}

function withRequestId(headers: ActivityHeaders): ActivityHeaders {
  const { requestId } = findRequestIdMemo()
  if (requestId === undefined) return headers
  return { ...headers, [requestIdHeader]: defaultPayloadConverter.toPayload(requestId) }
}
