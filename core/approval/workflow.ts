import { registrarQueue, type WorkflowStart } from '../workflow-start.ts'

/** The name under which Temporal knows the workflow; it never changes. */
export const approvalWorkflowType = 'approval'

/** Tells a run that its approval has changed in the database. */
export const approvalChangedSignal = 'changed'

/** What the start of an approval's run is made of. */
export type ApprovalRun = {
  readonly approvalId: string
  readonly type: string
  readonly subjectHash: string
  readonly requestId: string
  readonly traceparent?: string | undefined
  /** How it stands, for a run that begins with it: in states, counts and times. */
  readonly opened?: Readonly<Record<string, unknown>> | undefined
}

/** The workflow id of an approval. */
export function approvalWorkflowId(approvalId: string): string {
  return `approval:${approvalId}`
}

/** The start of an approval's run. */
export function createApprovalStart(run: ApprovalRun): WorkflowStart {
  const { approvalId, type, subjectHash, requestId, traceparent, opened } = run
  return {
    workflowId: approvalWorkflowId(approvalId),
    workflowType: approvalWorkflowType,
    taskQueue: registrarQueue,
    input: { approvalId, subjectHash, ...(opened && { opened }) },
    summary: `Approval: ${type}`,
    requestId,
    traceparent,
    searchAttributes: { RegistrarDomain: 'approval' },
  }
}

/** Wakes an approval's run after a change that did not come through it; one that has ended begins anew. */
export function createApprovalWake(run: ApprovalRun): WorkflowStart {
  return { ...createApprovalStart(run), signal: { name: approvalChangedSignal, input: {} } }
}
