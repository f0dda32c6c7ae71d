import type { WorkflowStart } from '../core/workflow-start.ts'
import type { Upload } from '../db/uploads.ts'
import {
  cancelUploadSignal,
  licenseUploadWorkflowId,
  taskQueues,
  workflowTypes,
} from '../workflows/messages.ts'

export type StartedUpload = Pick<Upload, 'id' | 'compact' | 'jurisdiction' | 'requestId'>

/** The start of an upload's ingest, in the trace of the request. */
export function createIngestStart(
  upload: StartedUpload,
  traceparent: string | undefined,
): WorkflowStart {
  const { compact, jurisdiction } = upload
  return {
    workflowId: licenseUploadWorkflowId(upload.id),
    workflowType: workflowTypes.licenseIngest,
    taskQueue: taskQueues.ingest,
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
