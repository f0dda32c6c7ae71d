import { mayRegisterAgain } from '../../core/user/login-state.ts'
import { foldText } from '../../core/user/fold-text.ts'
import { readClock } from '../approval/lock.ts'
import { openApproval, type OpenedApproval } from '../approval/open.ts'
import type { Queryable } from '../client.ts'
import { saveRegistration } from './login-changes.ts'
import { findLogin, hashRegistration, registrationOf } from './logins.ts'
import { lockUser, type User } from './users.ts'

/** Somebody wants a login. */
export type RegistrationRequest = {
  readonly login: string
  readonly email: string
  readonly passwordHash: string
  readonly requestId: string
  readonly traceparent?: string | undefined
}

/**
 * Makes a pending login and opens its approval; undefined, for whatever reason, for somebody who is
 * not known by this e-mail address, is disabled, or has a login or waits for one.
 */
export async function openRegistration(
  tx: Queryable,
  request: RegistrationRequest,
): Promise<OpenedApproval | undefined> {
  const user = await lockUser(tx, request.login)
  if (user?.status !== 'active' || foldText(user.email) !== foldText(request.email))
    return undefined
  const login = await findLogin(tx, user.login)
  if (login && !mayRegisterAgain(login.registration)) return undefined
  const requestedAt = await readClock(tx)
  const opened = await openApproval(tx, {
    type: 'login-registration',
    subject: { ...registrationOf(user), hash: hashRegistration(user, requestedAt) },
    summary: summarize(user, requestedAt),
    requester: user.login,
    beneficiary: user.login,
    requestId: request.requestId,
    traceparent: request.traceparent,
  })
  const { passwordHash } = request
  const { approvalId } = opened
  await saveRegistration(tx, { userId: user.id, passwordHash, requestedAt, approvalId })
  return opened
}

// What an approver may see, and no more.
function summarize({ login, email, name }: User, requestedAt: Date): Record<string, unknown> {
  return { login, email, name, requestedAt: requestedAt.toISOString() }
}
