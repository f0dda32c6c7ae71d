import { registrarQueue, type WorkflowStart } from '../workflow-start.ts'

/** The name under which Temporal knows a pull; it never changes. */
export const sourcePullWorkflowType = 'sourcePull'

/** What a pull is started with; a schedule names no run, which is then added first. */
export type SourcePullInput = {
  readonly source: string
  readonly runId?: string
  /** Where it begins: a run that was held goes on with what it kept. */
  readonly from?: 'reading' | 'posting'
}

type PulledRun = {
  readonly id: string
  readonly source: string
  readonly requestId: string
}

/** The workflow of a run: from its beginning, or from where it was held. */
export function createSourcePullStart(
  { id, source, requestId }: PulledRun,
  from: 'reading' | 'posting',
): WorkflowStart {
  const workflowId = `source-run:${id}`
  return {
    workflowId: from === 'reading' ? workflowId : `${workflowId}:decided`,
    workflowType: sourcePullWorkflowType,
    taskQueue: registrarQueue,
    input: { source, runId: id, from },
    summary: from === 'reading' ? `Pulls from ${source}` : `Posts what ${source} was held with`,
    requestId,
    searchAttributes: { RegistrarDomain: 'profile' },
  }
}

/** The id of a source's schedule. */
export function sourceScheduleId(source: string): string {
  return `source:${source}`
}
