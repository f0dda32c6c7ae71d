import { condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow'

export const count = defineUpdate<number, [number]>('count')
export const end = defineSignal('end')

/** Does nothing but count: the least that an update can be asked for. */
export async function counter(): Promise<number> {
  let total = 0
  let hasEnded = false
  setHandler(count, (step) => (total += step))
  setHandler(end, () => void (hasEnded = true))
  await condition(() => hasEnded)
  return total
}
