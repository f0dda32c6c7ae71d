import { z } from 'zod'
import type { Claims } from '../core/approval/approval.ts'
import type { Queryable } from '../db/client.ts'
import { findApproval, type Viewer } from '../db/approval/records.ts'
import { throwNotFound } from '../db/approval/lock.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import { listGroupsOf } from '../db/user/groups.ts'
import {
  assertMayVoteAtAll,
  createViewer,
  isOfTenant,
  maySeeApproval,
  readClaims,
} from './policies/approval.ts'
import type { Principal } from './principal.ts'

export const approvalParams = z.object({ approvalId: z.uuid().describe('Id of the approval') })

/** Who looks, with their groups. */
export async function loadViewer(db: Queryable, principal: Principal): Promise<Viewer> {
  return createViewer(principal, await listGroupsOf(db, principal.subject))
}

/** The approval; throws `not_found` (404) also where the caller may not see it. */
export async function getVisibleApproval(
  db: Queryable,
  principal: Principal,
  approvalId: string,
): Promise<StoredApproval> {
  const stored = await findApproval(db, approvalId)
  const viewer = await loadViewer(db, principal)
  if (stored && maySeeApproval(principal, viewer, stored)) return stored
  return throwNotFound(approvalId)
}

/** The approval; throws `not_found` (404) for none and another tenant's. */
export async function getOwnApproval(
  db: Queryable,
  principal: Principal,
  approvalId: string,
): Promise<StoredApproval> {
  const stored = await findApproval(db, approvalId)
  if (stored && isOfTenant(principal, stored)) return stored
  return throwNotFound(approvalId)
}

/**
 * The approval that a caller wants to decide on, and what their token holds for it. Whether they may
 * is for its rules to say; throws `not_found` (404) for none and another tenant's, and
 * `insufficient_scope` (403).
 */
export async function getDecidableApproval(
  db: Queryable,
  principal: Principal,
  approvalId: string,
): Promise<{ readonly stored: StoredApproval; readonly claims: Claims }> {
  return assertDecidable(await findApproval(db, approvalId), principal, approvalId)
}

/** The same for an approval that was looked for already. */
export function assertDecidable(
  stored: StoredApproval | undefined,
  principal: Principal,
  approvalId: string,
): { readonly stored: StoredApproval; readonly claims: Claims } {
  if (!stored || !isOfTenant(principal, stored)) return throwNotFound(approvalId)
  const claims = readClaims(principal, stored.approval.policy)
  assertMayVoteAtAll(principal, claims)
  return { stored, claims }
}
