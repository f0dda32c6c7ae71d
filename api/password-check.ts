import { AppError } from '../core/errors.ts'
import { loginKey } from '../core/user/login.ts'
import { withTransaction } from '../db/client.ts'
import {
  findLockout,
  lockAttempt,
  recordFailure,
  type Attempt,
  type LockoutRules,
} from '../db/user/authentication-failures.ts'
import { findPasswordHash } from '../db/user/logins.ts'
import { spellAddress } from './client-address.ts'
import type { ApiContext } from './context.ts'

/** Somebody says who they are. */
export type Credentials = {
  readonly login: string
  readonly password: string
  /** Theirs, as the front end saw it. */
  readonly address: string | undefined
}

type Context = Pick<ApiContext, 'db' | 'hash' | 'passwords'>

const WINDOW_SECONDS = 15 * 60
const rules: LockoutRules = {
  login: { limit: 10, windowSeconds: WINDOW_SECONDS },
  address: { limit: 100, windowSeconds: WINDOW_SECONDS },
}

/**
 * True when somebody may log in with this password. Who is unknown, is not approved or gives a wrong
 * one gets the same answer after the same work. Throws `too_many_attempts` (429).
 */
export async function checkPassword(context: Context, credentials: Credentials): Promise<boolean> {
  const { db, passwords } = context
  const attempt = await hashAttempt(context, credentials)
  throwIfLocked(await findLockout(db, attempt, rules))
  const hashed = await findPasswordHash(db, credentials.login)
  const isRight = await passwords.verify(credentials.password, hashed)
  throwIfLocked(await settleAttempt(context, attempt, isRight))
  return isRight
}

// Of attempts at the same time no more count than the rules allow: each looks again once it is over.
async function settleAttempt(
  { db }: Context,
  attempt: Attempt,
  isRight: boolean,
): Promise<number | undefined> {
  return await withTransaction(db, async (tx) => {
    await lockAttempt(tx, attempt)
    const lockedSeconds = await findLockout(tx, attempt, rules)
    if (lockedSeconds === undefined && !isRight) await recordFailure(tx, attempt)
    return lockedSeconds
  })
}

async function hashAttempt(context: Context, { login, address }: Credentials): Promise<Attempt> {
  const hash = await context.hash()
  return {
    loginHash: hash('authentication:login', loginKey(login)),
    addressHash:
      address === undefined ? undefined : hash('authentication:address', spellAddress(address)),
  }
}

function throwIfLocked(lockedSeconds: number | undefined): void {
  if (lockedSeconds === undefined) return
  throw new AppError(
    'too_many_attempts',
    'Cannot check the password now: there were too many failures; try again later',
    { status: 429, retryAfterSeconds: Math.max(1, lockedSeconds) },
  )
}
