import type { ApprovalState } from '../approval/approval.ts'

export const loginStates = ['pending', 'approved', 'rejected', 'expired', 'revoked'] as const
export type LoginState = (typeof loginStates)[number]

// Of a request that was taken back or whose subject has changed nothing is left.
const STATES: Readonly<Record<ApprovalState, LoginState | undefined>> = {
  open: 'pending',
  'info-requested': 'pending',
  'apply-failed': 'pending',
  approved: 'approved',
  applying: 'approved',
  applied: 'approved',
  denied: 'rejected',
  expired: 'expired',
  revoked: 'revoked',
  withdrawn: undefined,
  superseded: undefined,
}
// Whoever's registration is in one of these has a login, waits for one, or lost it for good.
const STANDING: ReadonlySet<ApprovalState> = new Set([
  'open',
  'info-requested',
  'approved',
  'applying',
  'applied',
  'revoked',
])

/** The state of a login by how its registration stands; undefined where there is no login any more. */
export function toLoginState(registration: ApprovalState): LoginState | undefined {
  return STATES[registration]
}

/** The states of registrations that make a login of one of these states. */
export function listRegistrationStates(states: readonly LoginState[]): ApprovalState[] {
  return (Object.keys(STATES) as ApprovalState[]).filter((state) => {
    const made = STATES[state]
    return made !== undefined && states.includes(made)
  })
}

/** True when who has such a registration may register once more. */
export function mayRegisterAgain(registration: ApprovalState): boolean {
  return !STANDING.has(registration)
}
