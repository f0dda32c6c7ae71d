import {
  ActivityCancellationType,
  proxyActivities,
  type ActivityOptions,
} from '@temporalio/workflow'
import type { LicenseActivities } from '../activities/license.ts'
import type { UploadActivities } from '../activities/upload.ts'

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

/** Looks for the file until it is there or its form has expired; nothing is held meanwhile. */
export const { awaitFile } = proxyActivities<Pick<UploadActivities, 'awaitFile'>>({
  ...options,
  summary: 'Wait for the file',
})

/** Closes the books: counts, digest, audit, events. */
export const { closeUpload } = proxyActivities<Pick<UploadActivities, 'closeUpload'>>({
  ...options,
  summary: 'Close the books',
})

/** Removes the file, and whatever else was sent to its form. */
export const { removeFile } = proxyActivities<Pick<UploadActivities, 'removeFile'>>({
  ...options,
  summary: 'Remove the file',
})
