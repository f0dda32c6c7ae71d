import { z } from 'zod'
import { loginStates, toLoginState } from '../../core/user/login-state.ts'
import type { Login } from '../../db/user/logins.ts'

const decided = {
  login: z.string(),
  state: z.enum(loginStates),
  approved_by: z.string().nullable(),
  approved_at: z.string().nullable(),
}

/** A login after a decision. */
export const decidedLoginSchema = z.object(decided)

/** A login in a list. */
export const loginItemSchema = z.object({ ...decided, requested_at: z.string() })

export const decidedLoginExample: z.infer<typeof decidedLoginSchema> = {
  login: 'grace',
  state: 'approved',
  approved_by: 'ada',
  approved_at: '2025-03-04T12:30:00.000Z',
}

export const loginItemExample: z.infer<typeof loginItemSchema> = {
  login: 'grace',
  state: 'pending',
  requested_at: '2025-03-04T12:00:00.000Z',
  approved_by: null,
  approved_at: null,
}

/** Lists the fields of a login that leave after a decision. */
export function presentDecidedLogin(login: Login): z.infer<typeof decidedLoginSchema> {
  return {
    login: login.login,
    state: toLoginState(login.registration) ?? 'expired',
    approved_by: login.approvedBy ?? null,
    approved_at: login.approvedAt?.toISOString() ?? null,
  }
}

/** Lists the fields of a login that leave in a list. */
export function presentLoginItem(login: Login): z.infer<typeof loginItemSchema> {
  return { ...presentDecidedLogin(login), requested_at: login.requestedAt.toISOString() }
}
