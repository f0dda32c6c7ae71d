import { registrarQueue, type WorkflowStart } from '../workflow-start.ts'

/** The name under which Temporal knows what sends to an endpoint; it never changes. */
export const webhookEndpointWorkflowType = 'webhookEndpoint'

/** Tells the sender of an endpoint that something is in its queue; without content. */
export const webhookWakeSignal = 'wake'

/** The workflow id of what sends to one webhook endpoint. */
export function webhookEndpointWorkflowId(endpointId: string): string {
  return `webhookEndpoint:${endpointId}`
}

/** The call for the sender of an endpoint, which starts it where it does not run. */
export function createEndpointWake(endpointId: string, requestId: string): WorkflowStart {
  return {
    workflowId: webhookEndpointWorkflowId(endpointId),
    workflowType: webhookEndpointWorkflowType,
    taskQueue: registrarQueue,
    input: { endpointId },
    signal: { name: webhookWakeSignal, input: {} },
    summary: 'Sends what waits for a webhook endpoint',
    requestId,
    searchAttributes: { RegistrarDomain: 'webhook' },
  }
}
