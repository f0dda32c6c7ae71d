import type { Claims, Verdict } from '../../core/approval/approval.ts'
import type { Moment, Refusal } from '../../core/approval/step.ts'
import { castVote, type Ballot } from '../../core/approval/vote.ts'
import { AppError } from '../../core/errors.ts'
import { loginKey } from '../../core/user/login.ts'
import { isBlank } from '../../core/white-space.ts'
import type { AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { isChange, lockApproval, withStep, type LockedApproval } from './lock.ts'
import { noteRefused } from './refused.ts'
import type { StoredApproval } from './rows.ts'
import { writeStep } from './step.ts'

/** A vote as it comes in. */
export type VoteRequest = {
  readonly approvalId: string
  /** The same id is the same vote. */
  readonly voteId: string
  readonly actor: string
  readonly actingFor?: string | undefined
  readonly verdict: Verdict
  readonly reason?: string | undefined
  readonly subjectHash: string
  readonly claims: Claims
  readonly via: 'api' | 'signal'
  readonly requestId: string
}

/** What became of a vote, and how the approval stands after it. */
export type Judgement = {
  readonly refusal: Refusal | undefined
  /** True when something was done just now, be it that time was up; a second time nothing is. */
  readonly isChange: boolean
  readonly stored: StoredApproval
  readonly moment: Moment
}

/**
 * Writes a vote down, to be judged, and returns the id that it has there: the one that it came with,
 * or where somebody else has that, one beside it. A vote that is there already stays as it is; throws
 * `idempotency_key_reused` (422) when the same person's is another vote than this.
 */
export async function recordVote(db: Queryable, vote: VoteRequest): Promise<string> {
  for (let number = 1; ; number += 1) {
    // No Idempotency-Key holds a space: no other key is taken for this one.
    const voteId = number === 1 ? vote.voteId : `${vote.voteId} ${number}`
    const isNew = await insertVote(db, { ...vote, voteId })
    if (isNew || (await isOwnVote(db, { ...vote, voteId }))) return voteId
  }
}

async function insertVote(db: Queryable, vote: VoteRequest): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'record-vote',
    text: `insert into approval_votes
             (approval_id, id, actor, actor_key, acting_for, acting_for_key, verdict, reason,
              subject_hash, claims, via, request_id)
           values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text,
              $9::text, $10::jsonb, $11::text, $12::text)
           on conflict (approval_id, id) do nothing`,
    values: [
      vote.approvalId,
      vote.voteId,
      vote.actor,
      loginKey(vote.actor),
      vote.actingFor ?? null,
      vote.actingFor === undefined ? null : loginKey(vote.actingFor),
      vote.verdict,
      vote.reason ?? null,
      vote.subjectHash,
      JSON.stringify(vote.claims),
      vote.via,
      vote.requestId,
    ],
  })
  return rowCount === 1
}

/**
 * Judges a recorded vote under the lock of its approval, once: a second time gives the first answer.
 * A refused vote is in the history and the audit log and counts nothing.
 */
export async function judgeVote(
  tx: Queryable,
  { approvalId, voteId, cause }: VoteRef & { readonly cause?: AuditCause | undefined },
): Promise<Judgement> {
  const vote = await getVote(tx, { approvalId, voteId })
  const people = [vote.actorKey, ...(vote.actingForKey === null ? [] : [vote.actingForKey])]
  const locked = await lockApproval(tx, approvalId, people)
  const step = castVote(locked.stored.approval, toBallot(vote), locked.moment)
  if (!(await writeOutcome(tx, vote, { locked, refusal: step.refusal }))) {
    const { refusal } = await getVote(tx, { approvalId, voteId })
    return { ...locked, refusal: refusal ?? undefined, isChange: false }
  }
  const refused = step.refusal && {
    event: 'vote-refused' as const,
    detail: { verdict: vote.verdict, code: step.refusal, via: vote.via },
  }
  await writeStep(tx, locked, {
    step: refused ? { ...step, events: [...step.events, refused] } : step,
    by: { actor: vote.actor, cause: { requestId: vote.requestId, ...cause } },
  })
  return {
    refusal: step.refusal,
    isChange: isChange(locked, step),
    stored: withStep(locked.stored, step),
    moment: locked.moment,
  }
}

/** Notes a vote that cannot even be read, once however often it runs: it counts nothing. */
export async function refuseUnreadable(
  tx: Queryable,
  vote: Pick<VoteRequest, 'approvalId' | 'voteId' | 'verdict' | 'via'> & {
    readonly cause: AuditCause
  },
): Promise<LockedApproval> {
  const { approvalId, voteId, verdict, via, cause } = vote
  const { rowCount } = await tx.query(
    `update approvals set unreadable_id = $2::text
     where id = $1::uuid and unreadable_id is distinct from $2::text`,
    [approvalId, voteId],
  )
  if (rowCount === 0) return await lockApproval(tx, approvalId)
  return await noteRefused(tx, { approvalId, detail: { verdict, code: 'malformed', via }, cause })
}

type VoteRef = { readonly approvalId: string; readonly voteId: string }

type VoteRow = {
  readonly approvalId: string
  readonly id: string
  readonly actor: string
  readonly actorKey: string
  readonly actingForKey: string | null
  readonly verdict: Verdict
  readonly reason: string | null
  readonly subjectHash: string
  readonly claims: Claims
  readonly via: 'api' | 'signal'
  readonly requestId: string
  /** Null until it is judged, and when it was taken. */
  readonly refusal: Refusal | null
}

async function getVote(tx: Queryable, { approvalId, voteId }: VoteRef): Promise<VoteRow> {
  const { rows } = await tx.query<VoteRow>({
    name: 'get-vote',
    text: `select approval_id as "approvalId", id, actor, actor_key as "actorKey",
             acting_for_key as "actingForKey", verdict, reason, subject_hash as "subjectHash",
             claims, via, request_id as "requestId", refusal
           from approval_votes
           where approval_id = $1::uuid and id = $2::text`,
    values: [approvalId, voteId],
  })
  const [vote] = rows
  if (!vote) {
    throw new AppError('not_found', `Cannot find the vote on approval "${approvalId}"`, {
      status: 404,
    })
  }
  return vote
}

// False when it was judged before, or by whoever had the lock meanwhile: nothing is written then.
async function writeOutcome(
  tx: Queryable,
  vote: VoteRow,
  { locked, refusal }: { readonly locked: LockedApproval; readonly refusal: Refusal | undefined },
): Promise<boolean> {
  const isTaken = refusal === undefined
  const { rowCount } = await tx.query({
    name: 'write-vote-outcome',
    text: `update approval_votes
           set outcome = $3::text, refusal = $4::text, stage = $5::integer,
             judged_at = $6::timestamptz,
             position = case when $7::boolean then (
               select coalesce(max(other.position), 0) + 1
               from approval_votes other
               where other.approval_id = $1::uuid and other.outcome = 'taken'
             ) end
           where approval_id = $1::uuid and id = $2::text and outcome is null`,
    values: [
      vote.approvalId,
      vote.id,
      isTaken ? 'taken' : 'refused',
      refusal ?? null,
      locked.stored.approval.stage,
      locked.moment.now,
      isTaken,
    ],
  })
  return rowCount === 1
}

function toBallot(vote: VoteRow): Ballot {
  return {
    id: vote.id,
    actor: vote.actorKey,
    actingFor: vote.actingForKey ?? undefined,
    verdict: vote.verdict,
    hasReason: !isBlank(vote.reason ?? ''),
    subjectHash: vote.subjectHash,
    claims: vote.claims,
  }
}

// False for somebody else's; throws for another one of the same person.
async function isOwnVote(db: Queryable, vote: VoteRequest): Promise<boolean> {
  const { rows } = await db.query<{ own: boolean; same: boolean }>(
    `select actor_key = $3::text as own,
       acting_for_key is not distinct from $4::text
         and verdict = $5::text and reason is not distinct from $6::text
         and subject_hash = $7::text as same
     from approval_votes
     where approval_id = $1::uuid and id = $2::text`,
    [
      vote.approvalId,
      vote.voteId,
      loginKey(vote.actor),
      vote.actingFor === undefined ? null : loginKey(vote.actingFor),
      vote.verdict,
      vote.reason ?? null,
      vote.subjectHash,
    ],
  )
  const [found] = rows
  if (!found?.own) return false
  if (found.same) return true
  throw new AppError(
    'idempotency_key_reused',
    'Cannot use this Idempotency-Key again: it belongs to another vote',
    { status: 422 },
  )
}
