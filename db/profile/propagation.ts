import { webhooksLane, type Lane } from '../../core/profile/lanes.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import type { Transaction } from '../client.ts'
import { hasSubscribers } from '../webhook/endpoints.ts'
import { enqueueStart } from '../workflow-starts.ts'

/** What is to be brought to the sinks, and why. */
export type PropagationRequest = {
  readonly profileId: string
  readonly serial: number
  readonly lanes: readonly Lane[]
  readonly requestId: string
  readonly traceparent?: string | undefined
}

/** A row of the outbox that can be handed over after the commit. */
export type QueuedPropagation = { readonly id: number; readonly start: WorkflowStart }

/** The workflow of a person's propagation: started, or signalled while it runs. */
export function createPropagationStart(request: PropagationRequest): WorkflowStart {
  const { profileId, serial, lanes, requestId, traceparent } = request
  return {
    workflowId: `profile:${profileId}`,
    workflowType: 'profilePropagation',
    taskQueue: 'registrar',
    input: { profileId },
    signal: { name: 'changed', input: { serial, lanes } },
    mergeKey: lanes.map(({ sink }) => sink).join(' '),
    summary: 'Brings a person to the sinks',
    requestId,
    traceparent,
    searchAttributes: { RegistrarDomain: 'profile' },
  }
}

/** Queues, in the transaction of the change, the request to propagate it. */
export async function requestPropagation(
  tx: Transaction,
  request: PropagationRequest,
): Promise<QueuedPropagation> {
  const start = createPropagationStart(request)
  return { id: await enqueueStart(tx, start), start }
}

/**
 * These lanes, and that of webhooks where there is a subscription: those come and go, and no process
 * is told.
 */
export async function withSubscribers(
  tx: Transaction,
  lanes: readonly Lane[],
): Promise<readonly Lane[]> {
  const isTaken = lanes.some(({ sink }) => sink === webhooksLane.sink)
  return isTaken || !(await hasSubscribers(tx)) ? lanes : [...lanes, webhooksLane]
}
