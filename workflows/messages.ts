/** Task queues; one worker process may serve all of them. */
export const taskQueues = {
  registrar: 'registrar',
  ingest: 'ingest',
} as const
export type TaskQueue = (typeof taskQueues)[keyof typeof taskQueues]

/** Names under which Temporal knows the workflows; they never change. */
export const workflowTypes = {
  licenseIngest: 'licenseIngest',
} as const

/** What the license ingest is started with: everything else is read by its activities. */
export type LicenseIngestInput = { readonly uploadId: string }

/** The workflow id of an upload's ingest: one run per upload, for ever. */
export function licenseUploadWorkflowId(uploadId: string): string {
  return `license-upload:${uploadId}`
}

/** The header in which an activity finds the id of the request behind its run. */
export const requestIdHeader = 'registrar-request-id'

/** The header in which an activity finds the span of its run (W3C Trace Context), where that is traced. */
export const traceparentHeader = 'traceparent'

/** What runs tell about themselves to a process that traces. */
export type TraceSinks = {
  readonly traces: {
    /** A run in a request's trace has ended; with the code of its failure. */
    readonly endRun: (failure: string | undefined) => void
  }
}

/** Asks a running ingest to end: chunks already committed stay and are counted. */
export const cancelUploadSignal = 'cancelUpload'

/** Answers how far a running ingest is: an `IngestProgress`. */
export const ingestProgressQuery = 'progress'
