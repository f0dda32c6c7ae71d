import { proxyActivities } from '@temporalio/workflow'
import { showDetails } from '../../../workflows/details.ts'

export type EchoInput = { readonly id: string }
export type EchoActivities = { readonly reply: (input: EchoInput) => Promise<unknown> }

const { reply } = proxyActivities<EchoActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 milliseconds', maximumInterval: '1 second' },
  summary: 'Reply',
})

/** The smallest run with an effect: one activity, whose answer is the result. */
export async function echo(input: EchoInput): Promise<unknown> {
  showDetails('Echo', { id: input.id })
  return await reply(input)
}
