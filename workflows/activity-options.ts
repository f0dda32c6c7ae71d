import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow'

// For as long as it takes: activities themselves end what no further attempt can mend.
const retry = { initialInterval: '1 second', maximumInterval: '30 seconds' } as const

/** Of what opens or closes a run: a transaction. */
export const shortWork = { startToCloseTimeout: '1 minute', retry } satisfies ActivityOptions

/** Of what goes through all that a run is about. */
export const longWork = {
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '15 seconds',
  retry,
  // The books are closed after the last transaction in flight, never before.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions

/** Of what goes through a board's file, of which somebody waits to see the next numbers. */
export const licenseWork = {
  startToCloseTimeout: '30 minutes',
  // Activities heartbeat every 2 s, of which the SDK sends one in 5 s: a lost worker shows soon.
  heartbeatTimeout: '12 seconds',
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '10 seconds',
  },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions
