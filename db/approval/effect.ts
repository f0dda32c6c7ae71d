import type { ApprovalState } from '../../core/approval/approval.ts'
import { beginEffect, failEffect, finishEffect } from '../../core/approval/effect.ts'
import type { Step } from '../../core/approval/step.ts'
import type { AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { lockApproval } from './lock.ts'
import type { StoredApproval, Subject } from './rows.ts'
import { writeStep } from './step.ts'

/** An approval that was decided or has ended, as the domain is told of it. */
export type DecidedApproval = {
  readonly approvalId: string
  readonly type: string
  readonly subject: Subject
  readonly state: ApprovalState
  /** Logins as given. */
  readonly requester: string | undefined
  readonly beneficiary: string | undefined
  readonly tenant: string | undefined
  readonly requestId: string
}

type Run = { readonly approvalId: string; readonly cause: AuditCause }

/** Marks an approved approval as being applied; undefined when there is nothing to apply (any more). */
export async function markApplying(tx: Queryable, run: Run): Promise<DecidedApproval | undefined> {
  const { stored, step } = await advance(tx, run, beginEffect)
  return step.refusal === undefined ? toDecided(stored) : undefined
}

/** Marks the effect as read back, once: history, audit log and events say so. */
export async function markApplied(tx: Queryable, run: Run): Promise<void> {
  await advance(tx, run, finishEffect)
}

/** One failure of an effect: its code, and an id by which it is noted once, whatever happens meanwhile. */
export type EffectFailure = { readonly code: string; readonly failureId: string }

/** Marks the effect as failed with a code; a failure that is noted already undoes no later retry. */
export async function markApplyFailed(
  tx: Queryable,
  { code, failureId, ...run }: Run & EffectFailure,
): Promise<void> {
  const { rowCount } = await tx.query(
    `update approvals set failure_id = $2::text
     where id = $1::uuid and failure_id is distinct from $2::text`,
    [run.approvalId, failureId],
  )
  if (rowCount === 0) return
  await advance(tx, run, (approval) => failEffect(approval, { code }))
}

/** What has ended otherwise than by an approval and its domain has not heard of; undefined where there is nothing to tell. */
export async function findUnsettled(
  tx: Queryable,
  approvalId: string,
): Promise<DecidedApproval | undefined> {
  const { stored } = await lockApproval(tx, approvalId)
  return stored.settledAt === undefined ? toDecided(stored) : undefined
}

/** Notes that the domain has been told of this end. */
export async function markSettled(
  db: Queryable,
  { approvalId, state }: Pick<DecidedApproval, 'approvalId' | 'state'>,
): Promise<void> {
  await db.query(
    `update approvals
     set settled_at = clock_timestamp(), wake_at = null, version = version + 1
     where id = $1::uuid and state = $2::text and settled_at is null`,
    [approvalId, state],
  )
}

async function advance(
  tx: Queryable,
  { approvalId, cause }: Run,
  run: (approval: StoredApproval['approval']) => Step,
): Promise<{ readonly stored: StoredApproval; readonly step: Step }> {
  const locked = await lockApproval(tx, approvalId)
  const step = run(locked.stored.approval)
  const { requestId } = locked.stored
  await writeStep(tx, locked, { step, by: { cause: { requestId, ...cause } } })
  return { stored: { ...locked.stored, approval: step.approval }, step }
}

function toDecided(stored: StoredApproval): DecidedApproval {
  const { id, type, subject, requester, beneficiary, requestId, approval } = stored
  const { state, tenant } = approval
  return { approvalId: id, type, subject, state, requester, beneficiary, tenant, requestId }
}
