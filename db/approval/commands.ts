import type { Approval, Claims } from '../../core/approval/approval.ts'
import {
  delegate,
  provideInfo,
  requestInfo,
  revoke,
  withdraw,
} from '../../core/approval/commands.ts'
import { retryEffect } from '../../core/approval/effect.ts'
import type { Moment, Refusal, Step } from '../../core/approval/step.ts'
import { loginKey } from '../../core/user/login.ts'
import type { Queryable } from '../client.ts'
import { isChange, lockApproval } from './lock.ts'
import { enqueueWake, type QueuedRun } from './open.ts'
import type { StoredApproval } from './rows.ts'
import { writeStep } from './step.ts'

/** Who does something to an approval, and in which request. */
export type Doer = {
  readonly approvalId: string
  /** The login as given. */
  readonly actor: string
  /** What the token holds of the policy's scopes, and its tenant. */
  readonly claims: Claims
  readonly requestId: string
  readonly traceparent?: string | undefined
}

/** What came of it: with a refusal nothing was done, save what time itself had done by then. */
export type Deed = {
  readonly refusal: Refusal | undefined
  /** As it was before. */
  readonly stored: StoredApproval
  /** Wakes the run after the commit. */
  readonly queued: readonly QueuedRun[]
}

/** An approver's question: there are no votes until it is answered. */
export async function askForInfo(
  tx: Queryable,
  doer: Doer & { readonly question: string },
): Promise<Deed> {
  const { claims, question } = doer
  const asker = { actor: loginKey(doer.actor), claims, question }
  return await take(tx, doer, (approval, moment) => requestInfo(approval, asker, moment))
}

/** The answer of the requester or the beneficiary. */
export async function giveInfo(
  tx: Queryable,
  doer: Doer & { readonly answer: string },
): Promise<Deed> {
  const answering = { actor: loginKey(doer.actor), answer: doer.answer }
  return await take(tx, doer, (approval, moment) => provideInfo(approval, answering, moment))
}

/** Lets somebody vote for an approver until a time. */
export async function delegateVote(
  tx: Queryable,
  doer: Doer & { readonly to: string; readonly until: Date },
): Promise<Deed> {
  const { actor, claims, to, until } = doer
  const wanted = { from: loginKey(actor), to: loginKey(to), until, claims, name: to }
  const deed = await take(tx, doer, (approval, moment) => delegate(approval, wanted, moment))
  if (deed.refusal === undefined) await insertDelegation(tx, doer)
  return deed
}

/** The requester takes the request back. */
export async function withdrawApproval(
  tx: Queryable,
  doer: Doer & { readonly reason?: string | undefined },
): Promise<Deed> {
  const leaving = { actor: loginKey(doer.actor), reason: doer.reason }
  return await take(tx, doer, (approval, moment) => withdraw(approval, leaving, moment))
}

/** What was applied is to be undone. */
export async function revokeApproval(
  tx: Queryable,
  doer: Doer & { readonly reason: string },
): Promise<Deed> {
  return await take(tx, doer, (approval) => revoke(approval, doer))
}

/** An effect that failed is to be tried again. */
export async function retryApproval(tx: Queryable, doer: Doer): Promise<Deed> {
  return await take(tx, doer, retryEffect)
}

async function take(
  tx: Queryable,
  doer: Doer & { readonly to?: string },
  run: (approval: Approval, moment: Moment) => Step,
): Promise<Deed> {
  const { approvalId, actor, to, requestId } = doer
  const people = [loginKey(actor), ...(to === undefined ? [] : [loginKey(to)])]
  const locked = await lockApproval(tx, approvalId, people)
  const step = run(locked.stored.approval, locked.moment)
  await writeStep(tx, locked, { step, by: { actor, cause: { requestId } } })
  return {
    refusal: step.refusal,
    stored: locked.stored,
    queued: isChange(locked, step) ? [await enqueueWake(tx, locked.stored, doer)] : [],
  }
}

async function insertDelegation(
  tx: Queryable,
  { approvalId, actor, to, until, claims }: Doer & { readonly to: string; readonly until: Date },
): Promise<void> {
  await tx.query(
    `insert into approval_delegations
       (approval_id, from_login, from_key, to_login, to_key, claims, since, until)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::jsonb,
       clock_timestamp(), $7::timestamptz)`,
    [approvalId, actor, loginKey(actor), to, loginKey(to), JSON.stringify(claims), until],
  )
}
