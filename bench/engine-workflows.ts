import { proxyActivities } from '@temporalio/workflow'

export type EngineActivities = { readonly touch: (input: { readonly id: string }) => Promise<void> }

const { touch } = proxyActivities<EngineActivities>({
  startToCloseTimeout: '10 seconds',
  summary: 'Touch',
})

/** Does nothing: the least that a server can be asked for. */
export async function empty(_input: { readonly id: string }): Promise<void> {
  return await Promise.resolve()
}

/** The smallest run of ours: one activity. */
export async function smallest(input: { readonly id: string }): Promise<void> {
  await touch(input)
}
