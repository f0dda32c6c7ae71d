import { ingestQueue, type WorkflowStart } from '../workflow-start.ts'

/** The name under which Temporal knows the ingest of an upload; it never changes. */
export const licenseIngestWorkflowType = 'licenseIngest'

/** Asks a running ingest to end: chunks already committed stay and are counted. */
export const cancelUploadSignal = 'cancelUpload'

export type StartedUpload = {
  readonly id: string
  readonly compact: string
  readonly jurisdiction: string
  readonly requestId: string
}

/** The workflow id of an upload's ingest: one run per upload, for ever. */
export function licenseUploadWorkflowId(uploadId: string): string {
  return `license-upload:${uploadId}`
}

/** The start of an upload's ingest, in the trace of the request where that has one. */
export function createIngestStart(
  upload: StartedUpload,
  traceparent: string | undefined,
): WorkflowStart {
  const { compact, jurisdiction } = upload
  return {
    workflowId: licenseUploadWorkflowId(upload.id),
    workflowType: licenseIngestWorkflowType,
    taskQueue: ingestQueue,
    input: { uploadId: upload.id },
    summary: `License upload of ${compact}/${jurisdiction}`,
    requestId: upload.requestId,
    traceparent,
    searchAttributes: {
      RegistrarDomain: 'license',
      RegistrarCompact: compact,
      RegistrarJurisdiction: jurisdiction,
    },
  }
}

/** The signal that asks an upload's ingest to end; a run that is not there yet is started with it. */
export function createIngestCancel(
  upload: StartedUpload,
  traceparent: string | undefined,
): WorkflowStart {
  return {
    ...createIngestStart(upload, traceparent),
    signal: { name: cancelUploadSignal, input: { uploadId: upload.id } },
  }
}
