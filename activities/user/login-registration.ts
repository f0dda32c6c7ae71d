import type { ApprovalState } from '../../core/approval/approval.ts'
import { AppError } from '../../core/errors.ts'
import { toLoginState } from '../../core/user/login-state.ts'
import type { DecidedApproval } from '../../db/approval/effect.ts'
import { withTransaction, type Database, type Queryable } from '../../db/client.ts'
import {
  approveLogin,
  endLogin,
  forgetLogin,
  isLoginApproved,
} from '../../db/user/login-changes.ts'
import { findLogin, hashRegistration } from '../../db/user/logins.ts'
import { findUser, lockUser } from '../../db/user/users.ts'
import type { ApprovalEffect } from '../approval/effects.ts'

/** `login-registration`: who is approved may log in; any other end takes the login away. */
export function createLoginRegistrationEffect(db: Database): ApprovalEffect {
  return {
    loadSubject: async (approval) => await loadSubject(db, approval, findUser),
    apply: async (approval) =>
      await withTransaction(db, async (tx) => {
        // Nobody gets another e-mail address between this look and the end.
        const subject = await loadSubject(tx, approval, lockUser)
        if (subject?.hash !== approval.subject.hash) throwChanged(approval)
        await approveLogin(tx, approval.approvalId)
      }),
    isApplied: async ({ approvalId }) => await isLoginApproved(db, approvalId),
    settle: async (approval) => await settle(db, approval),
  }
}

async function loadSubject(
  db: Queryable,
  { approvalId, subject }: DecidedApproval,
  find: typeof findUser,
): Promise<{ readonly hash: string } | undefined> {
  const user = await find(db, subject.id)
  const login = user && (await findLogin(db, user.login))
  if (!user || login?.approvalId !== approvalId) return undefined
  return { hash: hashRegistration(user, login.requestedAt) }
}

async function settle(
  db: Queryable,
  { approvalId, state }: { readonly approvalId: string; readonly state: ApprovalState },
): Promise<void> {
  const ended = toLoginState(state)
  if (ended === undefined) await forgetLogin(db, approvalId)
  else if (ended !== 'pending' && ended !== 'approved') await endLogin(db, approvalId, ended)
}

function throwChanged({ approvalId }: DecidedApproval): never {
  throw new AppError(
    'subject_changed',
    `Cannot apply approval "${approvalId}": its subject is not what was approved`,
    { status: 409 },
  )
}
