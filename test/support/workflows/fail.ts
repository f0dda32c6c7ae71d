import { ApplicationFailure, proxyActivities } from '@temporalio/workflow'
import { showDetails } from '../../../workflows/details.ts'
import type { EchoActivities, EchoInput } from './echo.ts'

const { reply } = proxyActivities<EchoActivities>({ startToCloseTimeout: '30 seconds' })

/** A run that fails of its own after an activity has failed for good. */
export async function fail(input: EchoInput): Promise<void> {
  showDetails(`Failing for ${input.id}`, { id: input.id })
  try {
    await reply(input)
  } catch (cause) {
    throw ApplicationFailure.create({
      type: 'failed_on_purpose',
      message: `Cannot go on for ${input.id}`,
      details: [input],
      cause: cause as Error, // activities reject with failures
    })
  }
}
