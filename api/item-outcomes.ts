import { z } from 'zod'
import type { ApiContext } from './context.ts'
import { createLanes } from './keyed-lanes.ts'
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

/** The items' outcomes in order; so many run at once, and those of one key one after the other. */
export async function settleAll<T, R>(
  items: readonly T[],
  { atOnce, keyOf }: { readonly atOnce: number; readonly keyOf: (item: T) => string },
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const turns = createLanes(1)
  const lanes = createLanes(atOnce)
  return await Promise.all(
    items.map(
      async (item, index) =>
        await turns.run(
          keyOf(item),
          async () => await lanes.run('', async () => await work(item, index)),
        ),
    ),
  )
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
