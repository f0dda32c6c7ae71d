import type { LoginState } from '../../core/user/login-state.ts'
import type { Queryable } from '../client.ts'

export type Registration = {
  readonly userId: string
  readonly passwordHash: string
  readonly requestedAt: Date
  readonly approvalId: string
}

/** Makes a pending login, in place of one that came to nothing. */
export async function saveRegistration(tx: Queryable, registration: Registration): Promise<void> {
  const { userId, passwordHash, requestedAt, approvalId } = registration
  await tx.query(
    `insert into logins (user_id, password_hash, state, requested_at, approval_id)
     values ($1::uuid, $2::text, 'pending', $3::timestamptz, $4::uuid)
     on conflict (user_id) do update
     set password_hash = excluded.password_hash, state = 'pending',
       requested_at = excluded.requested_at, approval_id = excluded.approval_id,
       approved_by = null, approved_at = null, version = logins.version + 1`,
    [userId, passwordHash, requestedAt, approvalId],
  )
}

/** Lets who was approved log in; who decided last is kept with it. A second time does nothing. */
export async function approveLogin(tx: Queryable, approvalId: string): Promise<void> {
  await tx.query(
    `update logins l
     set state = 'approved', approved_at = a.closed_at, version = l.version + 1,
       approved_by = (
         select v.actor
         from approval_votes v
         where v.approval_id = a.id and v.outcome = 'taken' and v.verdict = 'approve'
         order by v.position desc
         limit 1
       )
     from approvals a
     where a.id = $1::uuid and l.approval_id = a.id and l.state = 'pending'`,
    [approvalId],
  )
}

/** True when the registration has made a login that is approved. */
export async function isLoginApproved(db: Queryable, approvalId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from logins where approval_id = $1::uuid and state = 'approved'`,
    [approvalId],
  )
  return rowCount === 1
}

/** Ends the login of a registration. */
export async function endLogin(
  db: Queryable,
  approvalId: string,
  state: Exclude<LoginState, 'pending' | 'approved'>,
): Promise<void> {
  await db.query(
    `update logins set state = $2::text, version = version + 1
     where approval_id = $1::uuid and state <> $2::text`,
    [approvalId, state],
  )
}

/** Forgets the pending login of a registration that came to nothing. */
export async function forgetLogin(db: Queryable, approvalId: string): Promise<void> {
  await db.query(`delete from logins where approval_id = $1::uuid and state = 'pending'`, [
    approvalId,
  ])
}
