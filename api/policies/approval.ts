import type { Claims } from '../../core/approval/approval.ts'
import { listPolicyGroups, listPolicyScopes, type Policy } from '../../core/approval/policy.ts'
import { loginKey } from '../../core/user/login.ts'
import type { Viewer } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'
import { assertScope } from '../authenticate.ts'
import { hasAnyScope, type Principal } from '../principal.ts'

/** May see any approval of the tenant. */
export const readScope = 'approval:read'
export const adminScope = 'approval:admin'
/** May vote where a policy lets them; a scope that a policy names does as well. */
export const voteScopes = ['approval:vote', 'roster:approve']

/** Who looks at approvals, with the groups that they belong to. */
export function createViewer(principal: Principal, groups: readonly string[]): Viewer {
  const { subject, scopes, tenant } = principal
  return { person: loginKey(subject), groups, scopes: [...scopes], tenant }
}

/** What the policy may take the token's word for: of its scopes those held, and the tenant. */
export function readClaims(principal: Principal, policy: Policy): Claims {
  const { tenant } = principal
  const scopes = listPolicyScopes(policy).filter((scope) => hasAnyScope(principal, [scope]))
  return { scopes, ...(tenant !== undefined && { tenant }) }
}

/** True unless the approval belongs to another tenant than the token. */
export function isOfTenant(principal: Principal, { approval }: StoredApproval): boolean {
  const { tenant } = approval
  return tenant === undefined || principal.tenant === undefined || tenant === principal.tenant
}

/** True for requester, beneficiary, possible approvers of any stage, their delegates, and `approval:read`. */
export function maySeeApproval(
  principal: Principal,
  viewer: Viewer,
  stored: StoredApproval,
): boolean {
  if (!isOfTenant(principal, stored)) return false
  const { requester, beneficiary, policy, delegations, tenant } = stored.approval
  const { person } = viewer
  const isParty = person === requester || person === beneficiary
  if (isParty || hasAnyScope(principal, [readScope])) return true
  if (listPolicyGroups(policy).some((group) => viewer.groups.includes(group))) return true
  if (delegations.some(({ to }) => to === person)) return true
  return viewer.tenant === tenant && readClaims(principal, policy).scopes.length > 0
}

/** Throws `insufficient_scope` (403) for a token without `approval:vote` that no scope of the policy stands in for. */
export function assertMayVoteAtAll(principal: Principal, claims: Claims): void {
  if (claims.scopes.length > 0) return
  assertScope(principal, { anyScope: ['approval:vote'] }, {})
}
