import type { Approval, Claims, Delegation, Electorate, Person } from './approval.ts'
import { getStage } from './policy.ts'

/** Who decides a stage just now. */
export type Seats = {
  /** Whose members decide: the stage's group, beside it the one it was escalated to, or the fallback. */
  readonly groups: readonly string[]
  /** True when nobody of the stage's own could decide it. */
  readonly isFallback: boolean
  /** Instead of groups: who holds this scope in this tenant. */
  readonly scope?: { readonly name: string; readonly tenant: string | undefined } | undefined
}

/** Who asks to vote, what their token holds, and when. */
export type Voter = {
  readonly actor: Person
  readonly actingFor?: Person | undefined
  readonly claims: Claims
  readonly at: Date
}

/** True for the requester, the beneficiary and a delegate of either: they never vote (four eyes). */
export function isBarred(approval: Approval, person: Person): boolean {
  if (isParty(approval, person)) return true
  return approval.delegations.some(({ from, to }) => to === person && isParty(approval, from))
}

/** Who decides the present stage; the fallback group where nobody else could. */
export function findSeats(approval: Approval, electorate: Electorate): Seats {
  const own = findOwnSeats(approval)
  const { fallbackGroup } = approval.policy
  if (own.scope || fallbackGroup === undefined) return own
  const isResolved = own.groups.some((group) => hasAnybody(approval, electorate, group))
  return isResolved ? own : { groups: [fallbackGroup], isFallback: true }
}

/** How many people decide the present stage: counts members of two groups twice; undefined for a scope. */
export function countSeats(approval: Approval, electorate: Electorate): number | undefined {
  const { groups, scope } = findSeats(approval, electorate)
  if (scope) return undefined
  return groups.reduce((sum, group) => sum + countEligible(approval, electorate, group), 0)
}

/** True for who may decide the present stage in their own right. */
export function isApprover(
  approval: Approval,
  { actor, claims }: Pick<Voter, 'actor' | 'claims'>,
  electorate: Electorate,
): boolean {
  if (isBarred(approval, actor) || electorate.disabled.has(actor)) return false
  const { groups, scope } = findSeats(approval, electorate)
  if (groups.some((group) => electorate.groups.get(group)?.members.has(actor))) return true
  return scope !== undefined && holds(claims, scope)
}

/** Why somebody may not vote on the present stage; undefined for who may. */
export function findEligibilityFault(
  approval: Approval,
  voter: Voter,
  electorate: Electorate,
): 'four_eyes' | 'not_an_approver' | undefined {
  const { actor, actingFor } = voter
  if (isBarred(approval, actor)) return 'four_eyes'
  if (actingFor === undefined) {
    return isApprover(approval, voter, electorate) ? undefined : 'not_an_approver'
  }
  if (isBarred(approval, actingFor)) return 'four_eyes'
  if (electorate.disabled.has(actor)) return 'not_an_approver'
  const isMandated = listMandates(approval, voter).some(({ from, claims }) =>
    isApprover(approval, { actor: from, claims }, electorate),
  )
  return isMandated ? undefined : 'not_an_approver'
}

function isParty({ requester, beneficiary }: Approval, person: Person): boolean {
  return person === requester || person === beneficiary
}

/** Who decides the present stage as long as there is anybody among them. */
export function findOwnSeats(approval: Approval): Seats {
  const { approvers, escalation } = getStage(approval.policy, approval.stage)
  const further = approval.isEscalated && escalation ? [escalation.group] : []
  if ('group' in approvers) return { groups: [approvers.group, ...further], isFallback: false }
  const scope = { name: approvers.scope, tenant: approvers.tenant ?? approval.tenant }
  return { groups: further, isFallback: false, scope }
}

/** True for a group with a member who may decide. */
export function hasAnybody(approval: Approval, electorate: Electorate, group: string): boolean {
  return countEligible(approval, electorate, group) > 0
}

function countEligible(approval: Approval, electorate: Electorate, name: string): number {
  const group = electorate.groups.get(name)
  if (!group) return 0
  const barred = [...group.members].filter((person) => isBarred(approval, person))
  return group.size - barred.length
}

function holds(claims: Claims, scope: NonNullable<Seats['scope']>): boolean {
  return claims.scopes.includes(scope.name) && claims.tenant === scope.tenant
}

function listMandates(approval: Approval, { actor, actingFor, at }: Voter): Delegation[] {
  return approval.delegations.filter(
    ({ from, to, since, until }) => from === actingFor && to === actor && since <= at && at < until,
  )
}
