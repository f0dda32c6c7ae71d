import type { Verdict } from '../core/approval/approval.ts'
import { loginApproversGroup } from '../core/approval/types.ts'
import { AppError } from '../core/errors.ts'
import { loginKey } from '../core/user/login.ts'
import { noteRefused } from '../db/approval/refused.ts'
import { appendAudit } from '../db/audit.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { listGroupsOf } from '../db/user/groups.ts'
import { findLogin, type Login } from '../db/user/logins.ts'
import { findUser } from '../db/user/users.ts'
import type { Principal } from './principal.ts'

/** Who decides on whose login. */
export type LoginDecider = {
  readonly principal: Principal
  readonly login: string
  /** Says once more who decides. */
  readonly authzLogin: string
  readonly requestId: string
  readonly traceparent: string | undefined
}

type Fault = { readonly code: string; readonly reason: string }

/**
 * The login that the caller wants to decide on. Throws `not_the_caller`, `not_an_approver` and
 * `four_eyes` (403), noted as refused, and `not_found` (404) or `not_pending` (409) where there is
 * no login.
 */
export async function getDecidableLogin(
  db: Database,
  decider: LoginDecider,
  detail: { readonly verdict?: Verdict },
): Promise<Login> {
  const user = await findUser(db, decider.login)
  const login = user && (await findLogin(db, user.login))
  const fault = await findDeciderFault(db, decider)
  if (fault) {
    await noteFault(db, decider, { fault, detail, login, userId: user?.id })
    throw new AppError(fault.code, `Cannot decide on this login: ${fault.reason}`, { status: 403 })
  }
  if (!user) {
    throw new AppError('not_found', 'Cannot find a person with this login', { status: 404 })
  }
  return login ?? throwNotPending()
}

async function findDeciderFault(
  db: Database,
  { principal, login, authzLogin }: LoginDecider,
): Promise<Fault | undefined> {
  const caller = loginKey(principal.subject)
  if (loginKey(authzLogin) !== caller) {
    return { code: 'not_the_caller', reason: 'authz_login is not you' }
  }
  const groups = await listGroupsOf(db, caller)
  if (!groups.includes(loginApproversGroup)) {
    return { code: 'not_an_approver', reason: `you do not belong to ${loginApproversGroup}` }
  }
  if (loginKey(login) !== caller) return undefined
  return { code: 'four_eyes', reason: 'it is your own' }
}

type Refused = {
  readonly fault: Fault
  readonly detail: { readonly verdict?: Verdict }
  readonly login: Login | undefined
  readonly userId: string | undefined
}

async function noteFault(
  db: Database,
  { principal, requestId }: LoginDecider,
  { fault, detail, login, userId = 'unknown' }: Refused,
): Promise<void> {
  const { code } = fault
  const actor = principal.subject
  const cause = { requestId }
  if (login) {
    const attempt = { actor, detail: { ...detail, code, via: 'api' }, cause }
    const { approvalId } = login
    await withTransaction(db, async (tx) => await noteRefused(tx, { approvalId, ...attempt }))
    return
  }
  const subject = { type: 'user', id: userId }
  await appendAudit(db, [{ actor, action: 'vote.refused', subject, cause: { ...cause, code } }])
}

function throwNotPending(): never {
  throw new AppError('not_pending', 'Cannot decide on this login: nobody has registered for it', {
    status: 409,
  })
}
