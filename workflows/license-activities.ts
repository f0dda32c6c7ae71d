import {
  ActivityCancellationType,
  proxyActivities,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow'
import type { LicenseActivities } from '../activities/license.ts'
import type { UploadActivities } from '../activities/upload.ts'
import { taskQueues } from './messages.ts'

const options = {
  startToCloseTimeout: '15 minutes',
  // Activities heartbeat every 2 s, of which the SDK sends one in 5 s: a lost worker shows soon.
  heartbeatTimeout: '12 seconds',
  // For as long as it takes: activities themselves end what no further attempt can mend.
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '10 seconds',
  },
  // The books are closed after the last transaction in flight, never before.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions

/** The ingest's own; the summary of each call is given with it, and names its chunk. */
export const licenseActivities = proxyActivities<LicenseActivities>(options)

/** Closes the books: counts, digest, audit, events. */
export const { closeUpload } = proxyActivities<Pick<UploadActivities, 'closeUpload'>>({
  ...options,
  // Nothing heartbeats in it: a lost worker is noticed by the time that it takes.
  startToCloseTimeout: '20 seconds',
  heartbeatTimeout: '20 seconds',
  summary: 'Close the books',
})

export const { removeFile } = proxyActivities<Pick<UploadActivities, 'removeFile'>>({
  ...options,
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '1 minute',
  summary: 'Remove the file',
})

/** Waits for the file, with a bucket for as long as its form is open, so not on a slot for chunks. */
export async function awaitFile(
  uploadId: string,
): Promise<Awaited<ReturnType<UploadActivities['awaitFile']>>> {
  const { taskQueue } = workflowInfo()
  const { awaitFile: wait } = proxyActivities<Pick<UploadActivities, 'awaitFile'>>({
    ...options,
    startToCloseTimeout: '8 days',
    taskQueue: taskQueue === taskQueues.ingest ? taskQueues.registrar : taskQueue,
    summary: 'Wait for the file',
  })
  return await wait({ uploadId })
}
