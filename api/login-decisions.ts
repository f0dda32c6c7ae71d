import { setTimeout as delay } from 'node:timers/promises'
import type { Verdict } from '../core/approval/approval.ts'
import type { Refusal } from '../core/approval/step.ts'
import { AppError } from '../core/errors.ts'
import { toLoginState } from '../core/user/login-state.ts'
import { loginKey } from '../core/user/login.ts'
import { revokeApproval } from '../db/approval/commands.ts'
import { findApproval, hasRevoked, hasTakenVote } from '../db/approval/records.ts'
import { throwNotFound } from '../db/approval/lock.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { findLogin, type Login } from '../db/user/logins.ts'
import { createRefusal } from './approval-refusals.ts'
import { castVote, castVoteHere } from './approval-votes.ts'
import type { ApiContext } from './context.ts'
import { getDecidableLogin, type LoginDecider } from './login-deciders.ts'
import { readClaims } from './policies/approval.ts'

export type LoginVote = LoginDecider & {
  readonly verdict: Verdict
  readonly reason: string | undefined
  /** The same id is the same vote. */
  readonly voteId: string
}

export type LoginRevocation = LoginDecider & { readonly reason: string }

type Context = Pick<ApiContext, 'db' | 'temporal' | 'voteLanes' | 'handOver' | 'log'>

// As long as a run usually takes to let somebody in; after that the answer does not wait.
const EFFECT_MS = 2_000
const LOOK_MS = 25

/**
 * Votes on a registration under its policy and answers with the login as it stands then; once more
 * by the same person the same. Throws what `getDecidableLogin` does, and the refusals of votes.
 */
export async function voteOnLogin(context: Context, cast: LoginVote): Promise<Login> {
  await castLoginVote(context, cast, castVote)
  return await waitForEffect(context, cast.login)
}

/** The same for many at once: neither asks the run nor waits for it. */
export async function voteOnLoginHere(context: Context, cast: LoginVote): Promise<Login> {
  await castLoginVote(context, cast, castVoteHere)
  return (await findLogin(context.db, cast.login)) ?? throwGone()
}

async function castLoginVote(
  context: Context,
  cast: LoginVote,
  send: typeof castVote,
): Promise<void> {
  const { db } = context
  const { principal, verdict, reason, voteId, requestId, traceparent } = cast
  const { approvalId } = await getDecidableLogin(db, cast, { verdict })
  const stored = (await findApproval(db, approvalId)) ?? throwNotFound(approvalId)
  if (await isRepeat(db, stored, cast)) return
  const claims = readClaims(principal, stored.approval.policy)
  const what = { verdict, reason, subjectHash: stored.subject.hash, claims }
  const ids = { approvalId, voteId, actor: principal.subject, requestId, via: 'api' as const }
  const { refusal } = await send(context, { stored, vote: { ...what, ...ids }, traceparent })
  if (refusal === undefined) return
  const after = (await findApproval(db, approvalId)) ?? throwNotFound(approvalId)
  // The same may have come in twice at once.
  if (!(await isRepeat(db, after, cast))) throwRefused(after, refusal)
}

// Whoever says again what was decided is told so; what ended otherwise is not what they asked for.
async function isRepeat(
  db: Database,
  { id, approval: { state } }: StoredApproval,
  { principal, verdict }: LoginVote,
): Promise<boolean> {
  const ended = toLoginState(state)
  const isSo = verdict === 'deny' ? ended === 'rejected' : ended === 'approved'
  if (!isSo && !(verdict === 'approve' && state === 'apply-failed')) return false
  const person = loginKey(principal.subject)
  return await hasTakenVote(db, { approvalId: id, person, verdict })
}

/** Revokes a login and answers with it as it stands then; once more by the same person the same. */
export async function revokeLogin(context: Context, cast: LoginRevocation): Promise<Login> {
  const { db } = context
  const { principal, reason, requestId, traceparent } = cast
  const { approvalId } = await getDecidableLogin(db, cast, {})
  const actor = principal.subject
  const doer = { approvalId, actor, claims: { scopes: [] }, requestId, traceparent, reason }
  const { refusal, stored, queued } = await withTransaction(
    db,
    async (tx) => await revokeApproval(tx, doer),
  )
  // Not awaited: the relay takes what Temporal does not.
  for (const { id, start } of queued) void context.handOver(id, start)
  if (refusal !== undefined && !(await hasRevoked(db, { approvalId, actor }))) {
    throwRefused(stored, refusal)
  }
  return (await findLogin(db, cast.login)) ?? throwGone()
}

function throwRefused({ id, approval }: StoredApproval, refusal: Refusal): never {
  throw createRefusal(refusal, { approvalId: id, state: approval.state })
}

// Who is told that somebody is approved finds them so.
async function waitForEffect({ db }: Context, name: string): Promise<Login> {
  const deadline = performance.now() + EFFECT_MS
  for (;;) {
    const login = (await findLogin(db, name)) ?? throwGone()
    const isDone = login.registration !== 'approved' && login.registration !== 'applying'
    if (isDone || performance.now() > deadline) return login
    await delay(LOOK_MS)
  }
}

function throwGone(): never {
  throw new AppError('not_pending', 'Cannot decide on this login: it is gone', { status: 409 })
}
