import { proxyActivities } from '@temporalio/workflow'
import type { LicenseActivities } from '../activities/license.ts'
import type { UploadActivities } from '../activities/upload.ts'
import { licenseWork } from './activity-options.ts'

/** The ingest's own; the summary of each call is given with it, and names its chunk. */
export const licenseActivities = proxyActivities<LicenseActivities>(licenseWork)

/** Looks for the file until it is there or its form has expired; nothing is held meanwhile. */
export const { awaitFile } = proxyActivities<Pick<UploadActivities, 'awaitFile'>>({
  ...licenseWork,
  summary: 'Wait for the file',
})

/** Closes the books: counts, digest, audit, events. */
export const { closeUpload } = proxyActivities<Pick<UploadActivities, 'closeUpload'>>({
  ...licenseWork,
  summary: 'Close the books',
})

/** Removes the file, and whatever else was sent to its form. */
export const { removeFile } = proxyActivities<Pick<UploadActivities, 'removeFile'>>({
  ...licenseWork,
  summary: 'Remove the file',
})
