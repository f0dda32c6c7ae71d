import type { ApprovalState, Verdict } from '../../core/approval/approval.ts'
import type { Queryable } from '../client.ts'
import { approvalColumns, toStored, type ApprovalRow, type StoredApproval } from './rows.ts'

/** Who looks, and what their token holds. */
export type Viewer = {
  /** As `loginKey` makes it. */
  readonly person: string
  /** The groups that they belong to. */
  readonly groups: readonly string[]
  readonly scopes: readonly string[]
  readonly tenant: string | undefined
}

export type ListFilter = {
  readonly viewer: Viewer
  /** Everybody's, not only those that have to do with the viewer. */
  readonly all: boolean
  readonly state?: ApprovalState | undefined
  readonly type?: string | undefined
  /** The last one seen. */
  readonly after?: { readonly at: string; readonly id: string } | undefined
  readonly limit: number
}

/** A vote as it was cast and taken. */
export type TakenVote = {
  readonly id: string
  readonly actor: string
  readonly actingFor: string | undefined
  readonly stage: number
  readonly verdict: Verdict
  readonly reason: string | undefined
  readonly subjectHash: string
  readonly at: Date
}

/** The approval; undefined where there is none. */
export async function findApproval(
  db: Queryable,
  approvalId: string,
): Promise<StoredApproval | undefined> {
  const [stored] = await findApprovals(db, [approvalId])
  return stored
}

/** Those of these approvals that there are, in no order. */
export async function findApprovals(
  db: Queryable,
  approvalIds: readonly string[],
): Promise<StoredApproval[]> {
  const { rows } = await db.query<ApprovalRow>({
    name: 'find-approvals',
    text: `select ${approvalColumns} from approvals a where a.id = any($1::uuid[])`,
    values: [approvalIds],
  })
  return rows.map(toStored)
}

/** Approvals, newest first. */
export async function listApprovals(db: Queryable, filter: ListFilter): Promise<StoredApproval[]> {
  const { viewer, all, state, type, after, limit } = filter
  const { rows } = await db.query<ApprovalRow>(
    `select ${approvalColumns}
     from approvals a
     where ($1::text is null or a.state = $1::text)
       and ($2::text is null or a.type = $2::text)
       and ($3::timestamptz is null or (a.opened_at, a.id) < ($3::timestamptz, $4::uuid))
       and (a.tenant is null or $8::text is null or a.tenant = $8::text)
       and ($9::boolean or a.requester_key = $5::text or a.beneficiary_key = $5::text
         or a.known_groups && $6::text[]
         or (a.known_scopes && $7::text[] and a.tenant is not distinct from $8::text)
         or exists (select 1 from approval_delegations d
                    where d.approval_id = a.id and d.to_key = $5::text))
     order by a.opened_at desc, a.id desc
     limit $10::integer`,
    [
      state ?? null,
      type ?? null,
      after?.at ?? null,
      after?.id ?? null,
      viewer.person,
      viewer.groups,
      viewer.scopes,
      viewer.tenant ?? null,
      all,
      limit,
    ],
  )
  return rows.map(toStored)
}

/**
 * Open approvals on which the viewer may be able to vote now, those that end first: whether they
 * really may is for the rules to say.
 */
export async function listInboxCandidates(
  db: Queryable,
  filter: Omit<ListFilter, 'all' | 'state'>,
): Promise<StoredApproval[]> {
  const { viewer, type, after, limit } = filter
  const values = [
    type ?? null,
    viewer.person,
    viewer.groups,
    viewer.scopes,
    viewer.tenant ?? null,
    limit,
  ]
  const { rows } = await db.query<ApprovalRow>(
    after
      ? { name: 'list-inbox-after', text: INBOX_AFTER, values: [...values, after.at, after.id] }
      : { name: 'list-inbox', text: INBOX, values },
  )
  return rows.map(toStored)
}

// Planning these takes as long as answering them: they are prepared, each with its place to begin.
const INBOX = selectInbox('')
const INBOX_AFTER = selectInbox('and (a.expires_at, a.id) > ($7::timestamptz, $8::uuid)')

function selectInbox(beginning: string): string {
  return `select ${approvalColumns}
    from approvals a
    where a.state = 'open' and a.expires_at > clock_timestamp() ${beginning}
      and ($1::text is null or a.type = $1::text)
      and a.requester_key is distinct from $2::text and a.beneficiary_key is distinct from $2::text
      and (a.tenant is null or $5::text is null or a.tenant = $5::text)
      and (a.deciding_groups && $3::text[]
        or a.deciding_scope = any($4::text[])
        or exists (select 1 from approval_delegations d
                   where d.approval_id = a.id and d.to_key = $2::text
                     and d.until > clock_timestamp())
        or (a.fallback_group = any($3::text[]) and not exists (
          select 1 from group_members m join users u on u.id = m.user_id
          where m.group_name = any(a.deciding_groups) and u.status = 'active'
            and u.login_key is distinct from a.requester_key
            and u.login_key is distinct from a.beneficiary_key)))
    order by a.expires_at, a.id
    limit $6::integer`
}

/** The newest votes that were taken, in the order in which they were. */
export async function listTakenVotes(
  db: Queryable,
  approvalId: string,
  limit: number,
): Promise<TakenVote[]> {
  const { rows } = await db.query<
    Omit<TakenVote, 'actingFor' | 'reason'> & { actingFor: string | null; reason: string | null }
  >({
    name: 'list-taken-votes',
    text: `select id, actor, acting_for as "actingFor", stage, verdict, reason,
             subject_hash as "subjectHash", judged_at as at
           from approval_votes
           where approval_id = $1::uuid and outcome = 'taken'
           order by position desc
           limit $2::integer`,
    values: [approvalId, limit],
  })
  return rows.toReversed().map(({ actingFor, reason, ...vote }) => ({
    ...vote,
    actingFor: actingFor ?? undefined,
    reason: reason ?? undefined,
  }))
}

/** True when this vote of the actor was taken, in whatever stage. */
export async function hasTakenVote(
  db: Queryable,
  vote: { readonly approvalId: string; readonly person: string; readonly verdict: Verdict },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1
     from approval_votes
     where approval_id = $1::uuid and actor_key = $2::text and verdict = $3::text
       and outcome = 'taken'
     limit 1`,
    [vote.approvalId, vote.person, vote.verdict],
  )
  return rowCount === 1
}

/** True when the actor has revoked what was applied. */
export async function hasRevoked(
  db: Queryable,
  { approvalId, actor }: { readonly approvalId: string; readonly actor: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1
     from approval_history
     where approval_id = $1::uuid and event = 'revoked' and actor = $2::text`,
    [approvalId, actor],
  )
  return rowCount === 1
}
