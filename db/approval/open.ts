import { randomUUID } from 'node:crypto'
import type { Approval } from '../../core/approval/approval.ts'
import { supersede } from '../../core/approval/commands.ts'
import { findExpiry, listOpeningTimers } from '../../core/approval/deadlines.ts'
import { listPolicyGroups, listPolicyScopes } from '../../core/approval/policy.ts'
import type { Moment } from '../../core/approval/step.ts'
import { createApprovalStart, createApprovalWake } from '../../core/approval/workflow.ts'
import { AppError } from '../../core/errors.ts'
import { loginKey } from '../../core/user/login.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import type { AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { enqueueStart } from '../workflow-starts.ts'
import { announce } from './announce.ts'
import { loadElectorate } from './electorate.ts'
import { lockApproval, readClock } from './lock.ts'
import { createSnapshot, type Snapshot } from './look.ts'
import { findPolicy, type PolicyVersion } from './policies.ts'
import type { Subject } from './rows.ts'
import { findWakeTime, listSeatColumns, recordEvents, writeStep } from './step.ts'

/** What a domain wants decided. */
export type ApprovalRequest = {
  readonly type: string
  readonly subject: Subject
  /** What an approver may see; no more. */
  readonly summary: Readonly<Record<string, unknown>>
  /** Logins; a schedule or a webhook has none. */
  readonly requester?: string | undefined
  readonly beneficiary?: string | undefined
  readonly tenant?: string | undefined
  readonly requestId: string
  readonly traceparent?: string | undefined
}

/** A committed row of the outbox: to be handed over once the transaction is, or left to the relay. */
export type QueuedRun = { readonly id: number; readonly start: WorkflowStart }

export type OpenedApproval = {
  readonly approvalId: string
  /** False when the same was waiting already: nothing was done. */
  readonly isNew: boolean
  readonly queued: readonly QueuedRun[]
}

/**
 * Opens an approval in the transaction that makes it necessary. What waits already for the same
 * subject and hash is answered again; for another hash it is superseded. Throws `no_policy` (409)
 * where the type has no policy.
 */
export async function openApproval(
  tx: Queryable,
  request: ApprovalRequest,
): Promise<OpenedApproval> {
  await lockSubject(tx, request)
  const waiting = await findPending(tx, request)
  if (waiting?.hash === request.subject.hash) {
    return { approvalId: waiting.id, isNew: false, queued: [] }
  }
  const superseded = await supersedeApproval(tx, request)
  const policy = await findPolicy(tx, request.type)
  if (!policy) throwNoPolicy(request.type)
  const approvalId = randomUUID()
  const opened = await insertApproval(tx, approvalId, { request, policy })
  const { type, subject, requestId, traceparent } = request
  const run = { approvalId, type, subjectHash: subject.hash, requestId, traceparent, opened }
  const started = await enqueue(tx, createApprovalStart(run))
  return { approvalId, isNew: true, queued: [...superseded, started] }
}

/**
 * Ends what waits for a decision on this subject, because the subject has changed or is gone; does
 * nothing where nothing waits.
 */
export async function supersedeApproval(
  tx: Queryable,
  change: Pick<ApprovalRequest, 'type' | 'requestId' | 'traceparent'> & {
    readonly subject: Pick<Subject, 'type' | 'id'>
    /** Who changed the subject. */
    readonly actor?: string | undefined
  },
): Promise<readonly QueuedRun[]> {
  const waiting = await findPending(tx, change)
  if (!waiting) return []
  const locked = await lockApproval(tx, waiting.id)
  const step = supersede(locked.stored.approval, locked.moment)
  const cause: AuditCause = { requestId: change.requestId }
  await writeStep(tx, locked, { step, by: { actor: change.actor, cause } })
  return [await enqueueWake(tx, locked.stored, change)]
}

/** Queues what wakes an approval's run. */
export async function enqueueWake(
  tx: Queryable,
  stored: { readonly id: string; readonly type: string; readonly subject: Subject },
  cause: { readonly requestId: string; readonly traceparent?: string | undefined },
): Promise<QueuedRun> {
  const { id: approvalId, type, subject } = stored
  const { requestId, traceparent } = cause
  const run = { approvalId, type, subjectHash: subject.hash, requestId, traceparent }
  return await enqueue(tx, createApprovalWake(run))
}

async function enqueue(tx: Queryable, start: WorkflowStart): Promise<QueuedRun> {
  return { id: await enqueueStart(tx, start), start }
}

// Two requests for one subject follow each other.
async function lockSubject(tx: Queryable, { type, subject }: ApprovalRequest): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
    JSON.stringify(['approval', type, subject.type, subject.id]),
  ])
}

async function findPending(
  tx: Queryable,
  { type, subject }: { readonly type: string; readonly subject: Pick<Subject, 'type' | 'id'> },
): Promise<{ readonly id: string; readonly hash: string } | undefined> {
  const { rows } = await tx.query<{ id: string; hash: string }>(
    `select id, subject_hash as hash
     from approvals
     where type = $1::text and subject_type = $2::text and subject_id = $3::text
       and state in ('open', 'info-requested')`,
    [type, subject.type, subject.id],
  )
  return rows[0]
}

type Opening = { readonly request: ApprovalRequest; readonly policy: PolicyVersion }

/** How it stands, and since when in milliseconds: what is due is counted from there. */
type OpeningStanding = { readonly standing: Snapshot; readonly atMs: number }

const FIRST_VERSION = 1

async function insertApproval(
  tx: Queryable,
  id: string,
  opening: Opening,
): Promise<OpeningStanding> {
  const { request, policy } = opening
  const now = await readClock(tx)
  const approval = createApproval(opening, now)
  const [groups, scope, tenant] = listSeatColumns(approval)
  await tx.query(
    `insert into approvals
       (id, type, subject_type, subject_id, subject_hash, summary, requester, requester_key,
        beneficiary, beneficiary_key, tenant, state, policy, policy_version, timers, request_id,
        opened_at, expires_at, deciding_groups, deciding_scope, deciding_tenant, fallback_group,
        known_groups, known_scopes, wake_at)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::jsonb, $7::text, $8::text,
        $9::text, $10::text, $11::text, 'open', $12::jsonb, $13::integer, $14::jsonb, $15::text,
        $16::timestamptz, $17::timestamptz, $18::text[], $19::text, $20::text, $21::text,
        $22::text[], $23::text[], $24::timestamptz)`,
    [
      id,
      request.type,
      request.subject.type,
      request.subject.id,
      request.subject.hash,
      JSON.stringify(request.summary),
      request.requester ?? null,
      approval.requester ?? null,
      request.beneficiary ?? null,
      approval.beneficiary ?? null,
      request.tenant ?? null,
      JSON.stringify(policy.document),
      policy.version,
      JSON.stringify(approval.timers),
      request.requestId,
      now,
      approval.expiresAt,
      groups,
      scope,
      tenant,
      policy.document.fallbackGroup ?? null,
      listPolicyGroups(policy.document),
      listPolicyScopes(policy.document),
      findWakeTime(approval, now) ?? null,
    ],
  )
  const moment = await tellOpened(tx, { id, request, approval, now })
  const stored = { approval, version: FIRST_VERSION, settledAt: undefined }
  return { standing: createSnapshot(stored, moment), atMs: now.getTime() }
}

function createApproval({ request, policy }: Opening, now: Date): Approval {
  const { requester, beneficiary, tenant, subject } = request
  return {
    state: 'open',
    stage: 1,
    isEscalated: false,
    policy: policy.document,
    subjectHash: subject.hash,
    requester: requester === undefined ? undefined : loginKey(requester),
    beneficiary: beneficiary === undefined ? undefined : loginKey(beneficiary),
    tenant,
    expiresAt: findExpiry(policy.document, now),
    timers: listOpeningTimers(policy.document, now),
    votes: [],
    delegations: [],
    tallies: [],
  }
}

type Opened = {
  readonly id: string
  readonly request: ApprovalRequest
  readonly approval: Approval
  readonly now: Date
}

async function tellOpened(tx: Queryable, opened: Opened): Promise<Moment> {
  const { id, request, approval, now } = opened
  const stored = { id, type: request.type, subject: request.subject, requestId: request.requestId }
  const cause = { requestId: request.requestId }
  const entries = [{ at: now, event: 'opened' as const, actor: request.requester }]
  await recordEvents(tx, stored, { entries, approval, cause })
  const electorate = await loadElectorate(tx, [approval])
  const moment = { now, electorate }
  await announce(tx, { stored, approval, events: [{ event: 'opened' }], moment })
  return moment
}

function throwNoPolicy(type: string): never {
  throw new AppError(
    'no_policy',
    `Cannot open an approval of type "${type}": there is no policy for it; put one first`,
    { status: 409 },
  )
}
