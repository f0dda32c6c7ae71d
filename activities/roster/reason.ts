import type { RosterRun } from '../../db/roster/runs.ts'

/**
 * Why a run may deactivate: the approval of its plan, else how the guard judged the people's
 * deactivations, such as `deactivations of users: 3, at most 50`.
 */
export function describeReason({ guard, approvalId }: RosterRun): Readonly<Record<string, string>> {
  if (approvalId !== null) return { approvalId }
  const judged = (guard ?? []).find(
    ({ rule, type, school }) =>
      rule === 'deactivations' && type === 'users' && school === undefined,
  )
  if (!judged) return {}
  return { guard: `deactivations of users: ${judged.count}, at most ${judged.limit}` }
}
