import type { Context } from '@temporalio/activity'
import { defaultPayloadConverter } from '@temporalio/common'
import type { ActivityInterceptors } from '@temporalio/worker'
import { runWithRequestId } from '../activities/context.ts'
import { requestIdHeader } from '../workflows/messages.ts'

/** Lets an activity, and every line that it logs, know the request behind its run. */
export function createActivityInterceptors(_context: Context): ActivityInterceptors {
  let requestId: string | undefined
  return {
    inbound: {
      async execute(input, next) {
        requestId = readRequestId(input.headers)
        if (requestId === undefined) return await next(input)
        return await runWithRequestId(requestId, async () => await next(input))
      },
    },
    outbound: {
      getLogAttributes(input, next) {
        return next(requestId === undefined ? input : { ...input, requestId })
      },
    },
  }
}

type Headers = Parameters<
  NonNullable<NonNullable<ActivityInterceptors['inbound']>['execute']>
>[0]['headers']

function readRequestId(headers: Headers): string | undefined {
  const payload = headers[requestIdHeader]
  if (payload === undefined) return undefined
  const value: unknown = defaultPayloadConverter.fromPayload(payload)
  return typeof value === 'string' ? value : undefined
}
