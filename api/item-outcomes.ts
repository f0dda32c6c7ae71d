import { z } from 'zod'
import type { ApiContext } from './context.ts'
import { toAppError, toProblem, type Problem } from './problem.ts'

/** What every item of a bulk answer has: the status of the single call, and its problem if there was one. */
export const itemProblem = {
  status: z.int(),
  problem: z.record(z.string(), z.unknown()).optional(),
}

export type ItemOutcome<T> = {
  readonly status: number
  readonly value?: T
  readonly problem?: Readonly<Record<string, unknown>>
}

/** Does one thing of many: whatever goes wrong with it is its own outcome. */
export async function settleItem<T>(
  { log }: Pick<ApiContext, 'log'>,
  { requestId, url }: { readonly requestId: string; readonly url: string },
  work: () => Promise<T>,
): Promise<ItemOutcome<T>> {
  try {
    return { status: 200, value: await work() }
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.status >= 500) log.error({ code: error.code, requestId }, 'one of many failed')
    const problem: Problem = toProblem(error, { requestId, path: url })
    return { status: error.status, problem }
  }
}
