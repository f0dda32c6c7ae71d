import { findEligibilityFault } from '../core/approval/eligibility.ts'
import { loadElectorate } from '../db/approval/electorate.ts'
import { listInboxCandidates, type Viewer } from '../db/approval/records.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import type { Queryable } from '../db/client.ts'
import type { FoundApproval } from './approval-views.ts'
import { readClaims } from './policies/approval.ts'
import type { Principal } from './principal.ts'

export type InboxQuery = {
  readonly principal: Principal
  readonly viewer: Viewer
  readonly type: string | undefined
  readonly after: { readonly at: string; readonly id: string } | undefined
  readonly limit: number
  readonly now: Date
}

/** Open approvals on which the caller may vote now, those that end first. */
export async function listInbox(db: Queryable, query: InboxQuery): Promise<FoundApproval[]> {
  const { viewer, type, limit } = query
  const found: FoundApproval[] = []
  let after = query.after
  for (;;) {
    const candidates = await listInboxCandidates(db, { viewer, type, after, limit })
    found.push(...(await pickVotable(db, candidates, query)))
    const last = candidates.at(-1)
    if (found.length >= limit || last === undefined || candidates.length < limit) break
    after = { at: last.approval.expiresAt.toISOString(), id: last.id }
  }
  return found.slice(0, limit)
}

async function pickVotable(
  db: Queryable,
  candidates: readonly StoredApproval[],
  { principal, viewer, now }: InboxQuery,
): Promise<FoundApproval[]> {
  const approvals = candidates.map(({ approval }) => approval)
  const electorate = await loadElectorate(db, approvals, [viewer.person])
  const votable = candidates.filter(({ approval }) => {
    const claims = readClaims(principal, approval.policy)
    const voter = { actor: viewer.person, claims, at: now }
    const delegators = approval.delegations
      .filter(({ to }) => to === viewer.person)
      .map(({ from }) => from)
    return [undefined, ...delegators].some(
      (actingFor) =>
        findEligibilityFault(approval, { ...voter, actingFor }, electorate) === undefined,
    )
  })
  return votable.map((stored) => ({ stored, electorate }))
}
