import { z } from 'zod'
import type { Verdict } from '../core/approval/approval.ts'
import type { Refusal } from '../core/approval/step.ts'
import { AppError } from '../core/errors.ts'
import {
  findUnsettled,
  markApplied,
  markApplyFailed,
  markApplying,
  markSettled,
  type DecidedApproval,
  type EffectFailure,
} from '../db/approval/effect.ts'
import { createSnapshot, lookAtApproval, type Snapshot } from '../db/approval/look.ts'
import { judgeVote, recordVote, refuseUnreadable } from '../db/approval/votes.ts'
import { withTransaction, type Database } from '../db/client.ts'
import type { ApprovalEffect, ApprovalEffects } from './approval/effects.ts'
import { currentCause } from './context.ts'
import { withHeartbeat } from './heartbeat.ts'

export type ApprovalActivityDeps = {
  readonly db: Database
  readonly effects: ApprovalEffects
}

export type ApprovalRef = { readonly approvalId: string }

/** What became of a vote, and how the approval stands after it. */
export type Judged = { readonly refusal?: Refusal | 'malformed'; readonly snapshot: Snapshot }

export type ApprovalActivities = {
  /** Judges a vote that is written down, once however often it runs. */
  readonly judgeVote: (input: ApprovalRef & { readonly voteId: string }) => Promise<Judged>
  /** Writes a plain signal's vote down and judges it, once however often it runs: `{actor, reason?, subjectHash}`. */
  readonly judgeSignal: (input: SignalVote) => Promise<Judged>
  /** Does what timers that are due do, and says how the approval stands. */
  readonly lookAtApproval: (input: ApprovalRef) => Promise<Snapshot>
  /** Brings the effect about, reads it back and marks it; a failure that is final keeps its code. */
  readonly applyApproval: (input: ApprovalRef) => Promise<void>
  /** Marks the effect as failed, once however often it runs. */
  readonly failApproval: (input: ApprovalRef & EffectFailure) => Promise<void>
  /** Tells the domain of an end that is not an approval. */
  readonly settleApproval: (input: ApprovalRef) => Promise<void>
}

export type SignalVote = ApprovalRef & {
  readonly voteId: string
  readonly verdict: Verdict
  readonly payload: unknown
}

const MAX_LOGIN_LENGTH = 256
const MAX_REASON_LENGTH = 2_000
const MAX_HASH_LENGTH = 256

// A NUL cannot be stored.
const text = z.string().regex(/^[^\0]*$/)
const signalPayload = z.object({
  actor: text.min(1).max(MAX_LOGIN_LENGTH),
  reason: text.max(MAX_REASON_LENGTH).optional(),
  subjectHash: text.min(1).max(MAX_HASH_LENGTH),
})

/** The activities of an approval's run; only ids, codes and counts come out of them. */
export function createApprovalActivities(deps: ApprovalActivityDeps): ApprovalActivities {
  const { db } = deps
  return {
    judgeVote: async (input) => await judge(db, input),
    judgeSignal: async (input) => await judgeSignal(db, input),
    lookAtApproval: async ({ approvalId }) =>
      await withTransaction(
        db,
        async (tx) => await lookAtApproval(tx, { approvalId, cause: currentCause() }),
      ),
    applyApproval: async ({ approvalId }) =>
      await withHeartbeat(async () => await applyApproval(deps, approvalId)),
    failApproval: async (input) =>
      await withTransaction(
        db,
        async (tx) => await markApplyFailed(tx, { ...input, cause: currentCause() }),
      ),
    settleApproval: async ({ approvalId }) =>
      await withHeartbeat(async () => await settleApproval(deps, approvalId)),
  }
}

async function judge(
  db: Database,
  { approvalId, voteId }: ApprovalRef & { readonly voteId: string },
): Promise<Judged> {
  // The vote's own request is its cause, not the one that opened the approval.
  const { requestId: _opening, ...cause } = currentCause()
  const { refusal, stored, moment } = await withTransaction(
    db,
    async (tx) => await judgeVote(tx, { approvalId, voteId, cause }),
  )
  return { ...(refusal && { refusal }), snapshot: createSnapshot(stored, moment) }
}

async function judgeSignal(db: Database, signal: SignalVote): Promise<Judged> {
  const { approvalId, voteId, verdict, payload } = signal
  const { requestId, ...cause } = currentCause()
  const { data } = signalPayload.safeParse(payload)
  const via = 'signal'
  if (!data) {
    const { stored, moment } = await withTransaction(
      db,
      async (tx) => await refuseUnreadable(tx, { approvalId, voteId, verdict, via, cause }),
    )
    return { refusal: 'malformed', snapshot: createSnapshot(stored, moment) }
  }
  const claims = { scopes: [] }
  const vote = { approvalId, voteId, verdict, via, claims, requestId: requestId ?? voteId } as const
  const recordedId = await recordVote(db, { ...vote, ...data })
  return await judge(db, { approvalId, voteId: recordedId })
}

async function applyApproval(deps: ApprovalActivityDeps, approvalId: string): Promise<void> {
  const run = { approvalId, cause: currentCause() }
  const approval = await withTransaction(deps.db, async (tx) => await markApplying(tx, run))
  if (!approval) return
  const effect = getEffect(deps.effects, approval)
  await assertUnchanged(effect, approval)
  await effect.apply(approval)
  if (!(await effect.isApplied(approval))) throwNotThere(approval)
  await withTransaction(deps.db, async (tx) => await markApplied(tx, run))
}

async function settleApproval(deps: ApprovalActivityDeps, approvalId: string): Promise<void> {
  const approval = await withTransaction(deps.db, async (tx) => await findUnsettled(tx, approvalId))
  if (!approval) return
  await deps.effects.get(approval.type)?.settle?.(approval)
  await markSettled(deps.db, approval)
}

function getEffect(
  effects: ApprovalEffects,
  { approvalId, type }: DecidedApproval,
): ApprovalEffect {
  const effect = effects.get(type)
  if (effect) return effect
  throw new AppError(
    'effect_missing',
    `Cannot apply approval "${approvalId}": this worker knows no effect of "${type}"`,
    { status: 422 },
  )
}

async function assertUnchanged(effect: ApprovalEffect, approval: DecidedApproval): Promise<void> {
  if (!effect.loadSubject) return
  const subject = await effect.loadSubject(approval)
  if (subject?.hash === approval.subject.hash) return
  throw new AppError(
    'subject_changed',
    `Cannot apply approval "${approval.approvalId}": its subject is not what was approved`,
    { status: 409 },
  )
}

function throwNotThere({ approvalId }: DecidedApproval): never {
  throw new AppError(
    'effect_not_there',
    `Cannot find the effect of approval "${approvalId}": it will be brought about again`,
    { status: 500 },
  )
}
