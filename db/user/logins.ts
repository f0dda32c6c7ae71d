import type { ApprovalState } from '../../core/approval/approval.ts'
import { findLoginFault, loginKey } from '../../core/user/login.ts'
import { hashDocument } from '../../crypto/document-hash.ts'
import type { Subject } from '../approval/rows.ts'
import type { Queryable } from '../client.ts'
import type { User } from './users.ts'

/** A login by its registration; the hash of its password stays where it is. */
export type Login = {
  readonly userId: string
  readonly login: string
  readonly approvalId: string
  readonly registration: ApprovalState
  readonly requestedAt: Date
  /** Who decided for it, once that was decided. */
  readonly approvedBy: string | undefined
  readonly approvedAt: Date | undefined
}

export type LoginFilter = {
  /** By how their registrations stand. */
  readonly registrations: readonly ApprovalState[]
  /** The key of the last login seen. */
  readonly after: string
  readonly limit: number
}

type LoginRow = Omit<Login, 'approvedBy' | 'approvedAt'> & {
  readonly approvedBy: string | null
  readonly approvedAt: Date | null
}

// Until the effect is there, who decided last is read from the votes.
const SELECT = `
  select u.id as "userId", u.login, l.approval_id as "approvalId", a.state as registration,
    l.requested_at as "requestedAt", coalesce(l.approved_by, decision.actor) as "approvedBy",
    case when l.approved_at is not null then l.approved_at
      when decision.actor is not null then a.closed_at end as "approvedAt"
  from logins l
  join users u on u.id = l.user_id
  join approvals a on a.id = l.approval_id
  left join lateral (
    select v.actor
    from approval_votes v
    where v.approval_id = a.id and v.outcome = 'taken' and v.verdict = 'approve'
      and a.state in ('approved', 'applying', 'applied')
    order by v.position desc
    limit 1
  ) decision on true`

/** The subject of a person's registration, whatever its hash. */
export function registrationOf({ login }: Pick<User, 'login'>): Omit<Subject, 'hash'> {
  return { type: 'login', id: login }
}

/** What an approver decides on: this person with this e-mail address and status, as of this request. */
export function hashRegistration(user: User, requestedAt: Date): string {
  const { id, login, email, status } = user
  return hashDocument({ id, login, email, status, requestedAt }).toString('hex')
}

/** The login of a person, in whatever case; undefined for nobody and who never registered. */
export async function findLogin(db: Queryable, login: string): Promise<Login | undefined> {
  const { rows } = await db.query<LoginRow>(`${SELECT} where u.login_key = $1::text`, [
    loginKey(login),
  ])
  return rows[0] && toLogin(rows[0])
}

/** A page of logins by login. */
export async function listLogins(db: Queryable, filter: LoginFilter): Promise<Login[]> {
  const { rows } = await db.query<LoginRow>(
    `${SELECT}
     where a.state = any($1::text[]) and u.login_key > $2::text
     order by u.login_key
     limit $3::integer`,
    [filter.registrations, filter.after, filter.limit],
  )
  return rows.map(toLogin)
}

/** The password hash of who may log in now: active, approved and not revoked; undefined for all others. */
export async function findPasswordHash(db: Queryable, login: string): Promise<string | undefined> {
  if (findLoginFault(login.normalize('NFC')) !== undefined) return undefined
  const { rows } = await db.query<{ passwordHash: string }>(
    `select l.password_hash as "passwordHash"
     from users u
     join logins l on l.user_id = u.id and l.state = 'approved'
     join approvals a on a.id = l.approval_id and a.state <> 'revoked'
     where u.login_key = $1::text and u.status = 'active'`,
    [loginKey(login)],
  )
  return rows[0]?.passwordHash
}

/** True when somebody may log in now and belongs to the group. */
export async function isLoginInGroup(
  db: Queryable,
  { login, group }: { readonly login: string; readonly group: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1
     from users u
     join logins l on l.user_id = u.id and l.state = 'approved'
     join approvals a on a.id = l.approval_id and a.state <> 'revoked'
     join group_members m on m.user_id = u.id and m.group_name = $2::text
     where u.login_key = $1::text and u.status = 'active'`,
    [loginKey(login), group],
  )
  return rowCount === 1
}

function toLogin({ approvedBy, approvedAt, ...row }: LoginRow): Login {
  return { ...row, approvedBy: approvedBy ?? undefined, approvedAt: approvedAt ?? undefined }
}
