import { approvalChangedSignal, approvalWorkflowType } from '../core/approval/workflow.ts'
import type { Lane } from '../core/profile/lanes.ts'
import { licenseIngestWorkflowType } from '../core/license/workflow.ts'
import { rosterReconcileWorkflowType, rosterSyncWorkflowType } from '../core/roster/workflow.ts'
import { sourcePullWorkflowType } from '../core/source/workflow.ts'
import { webhookEndpointWorkflowType } from '../core/webhook/workflow.ts'
import { ingestQueue, registrarQueue, rosterQueue } from '../core/workflow-start.ts'

/**
 * Task queues, beside one per sink; one worker process may serve all of them. Those of sinks run
 * activities alone.
 */
export const taskQueues = {
  registrar: registrarQueue,
  ingest: ingestQueue,
  roster: rosterQueue,
  sinkLdap: 'sink-ldap',
  sinkAuth0: 'sink-auth0',
  sinkSql: 'sink-sql',
  sinkWebhook: 'sink-webhook',
} as const

/** Names under which Temporal knows the workflows; they never change. */
export const workflowTypes = {
  licenseIngest: licenseIngestWorkflowType,
  licenseRollback: 'licenseRollback',
  profilePropagation: 'profilePropagation',
  sinkSweep: 'sinkSweep',
  sinkReconcile: 'sinkReconcile',
  rosterSync: rosterSyncWorkflowType,
  rosterReconcile: rosterReconcileWorkflowType,
  sourcePull: sourcePullWorkflowType,
  signatureCheck: 'signatureCheck',
  approval: approvalWorkflowType,
  webhookEndpoint: webhookEndpointWorkflowType,
} as const

/** The workflow id of the run that plans a rollback: one run per rollback, for ever. */
export function licenseRollbackWorkflowId(rollbackId: string): string {
  return `license-rollback:${rollbackId}`
}

/** Tells a person's propagation of a change: a `ChangedSignal`. */
export const changedSignal = 'changed'

/** A change, and the lanes that it is to take. */
export type ChangedSignal = { readonly serial: number; readonly lanes: readonly Lane[] }

/** The workflow id of the sweep that brings a sink what it lacks: one at a time. */
export function sinkSweepWorkflowId(sink: string): string {
  return `sink-sweep:${sink}`
}

/** The workflow id of one comparison of a sink with the vault. */
export function sinkReconcileWorkflowId(reconcileId: string): string {
  return `sink-reconcile:${reconcileId}`
}

/** The workflow id of one look at the vault's signatures. */
export function signatureRunWorkflowId(runId: string): string {
  return `signature-run:${runId}`
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

/** Answers how far a running ingest is: an `IngestProgress`. */
export const ingestProgressQuery = 'progress'

/** The messages that an approval's run takes; they never change. */
export const approvalMessages = {
  /** An update: a vote that is written down is judged; answers with what became of it. */
  vote: 'vote',
  /** Signals from the Temporal UI or CLI: `{actor, reason?, subjectHash}`. */
  approve: 'approve',
  deny: 'deny',
  /** A signal: the approval has changed in the database. */
  changed: approvalChangedSignal,
  /** A query: how the approval stands, in states and counts. */
  standing: 'standing',
} as const

/** What the update carries: ids and a hash. */
export type VoteMessage = { readonly voteId: string; readonly subjectHash: string }

/** What the update answers; `refusal` is a code. */
export type VoteAnswer = { readonly refusal?: string }
