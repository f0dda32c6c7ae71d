import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { Queryable } from '../db/client.ts'
import { findApproval } from '../db/approval/records.ts'
import { findRollback, type Rollback } from '../db/license/rollbacks.ts'
import { loadViewer } from './approval-access.ts'
import { maySeeApproval } from './policies/approval.ts'
import { maySeePlaceOf } from './policies/upload.ts'
import type { Principal } from './principal.ts'

export const rollbackParams = z.object({ rollbackId: z.uuid().describe('Id of the rollback') })

/**
 * The rollback; throws `not_found` (404) also where the caller may not see it: it is for who may
 * write for its jurisdiction, and for who may see its approval.
 */
export async function getVisibleRollback(
  db: Queryable,
  principal: Principal,
  rollbackId: string,
): Promise<Rollback> {
  const rollback = await findRollback(db, rollbackId)
  if (rollback && maySeePlaceOf(principal, rollback)) return rollback
  if (rollback && (await seesApproval(db, principal, rollback))) return rollback
  return throwNotFound(rollbackId)
}

/** The rollback; throws `not_found` (404) for who may not write for its jurisdiction. */
export async function getWritableRollback(
  db: Queryable,
  principal: Principal,
  rollbackId: string,
): Promise<Rollback> {
  const rollback = await findRollback(db, rollbackId)
  if (rollback && maySeePlaceOf(principal, rollback)) return rollback
  return throwNotFound(rollbackId)
}

async function seesApproval(
  db: Queryable,
  principal: Principal,
  { approvalId }: Rollback,
): Promise<boolean> {
  const approval = approvalId === undefined ? undefined : await findApproval(db, approvalId)
  if (!approval) return false
  return maySeeApproval(principal, await loadViewer(db, principal), approval)
}

function throwNotFound(rollbackId: string): never {
  throw new AppError('not_found', `Cannot find rollback "${rollbackId}"`, { status: 404 })
}
