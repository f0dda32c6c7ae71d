import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow'
import type { ApprovalActivities } from '../activities/approval.ts'

/** Short transactions: tried again for as long as it takes, they end nothing that others wait for. */
export const { judgeVote, judgeSignal, lookAtApproval, failApproval } =
  proxyLocalActivities<ApprovalActivities>({
    startToCloseTimeout: '30 seconds',
    retry: {
      initialInterval: '200 milliseconds',
      backoffCoefficient: 2,
      maximumInterval: '5 seconds',
    },
  })

// A worker that was lost is noticed by its heartbeat.
const options = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '12 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const

/** Tells the domain of the end, for as long as it takes. */
export const { settleApproval } = proxyActivities<Pick<ApprovalActivities, 'settleApproval'>>({
  ...options,
  summary: 'Tell the domain how it ended',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
})

/** Brings the effect about, with so many attempts. */
export function proxyEffect(attempts: number): Pick<ApprovalActivities, 'applyApproval'> {
  return proxyActivities<Pick<ApprovalActivities, 'applyApproval'>>({
    ...options,
    summary: 'Apply what was approved, and read it back',
    retry: {
      initialInterval: '500 milliseconds',
      backoffCoefficient: 2,
      maximumInterval: '1 minute',
      maximumAttempts: attempts,
    },
  })
}
