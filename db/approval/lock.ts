import type { Person } from '../../core/approval/approval.ts'
import type { Moment, Step } from '../../core/approval/step.ts'
import { AppError } from '../../core/errors.ts'
import type { Queryable } from '../client.ts'
import { loadElectorate } from './electorate.ts'
import { approvalColumns, toStored, type ApprovalRow, type StoredApproval } from './rows.ts'

/** An approval that nobody else changes until the transaction ends, and when that is. */
export type LockedApproval = { readonly stored: StoredApproval; readonly moment: Moment }

/**
 * Locks an approval for the rest of the transaction; throws `not_found` (404) where there is none.
 * Whatever happens to an approval happens under this lock, at a time that is read after it was had:
 * a vote and the end of time never both win.
 */
export async function lockApproval(
  tx: Queryable,
  approvalId: string,
  people: readonly Person[] = [],
): Promise<LockedApproval> {
  await tx.query({
    name: 'lock-approval',
    text: 'select from approvals where id = $1::uuid for update',
    values: [approvalId],
  })
  // Read by a statement of its own: one that waits for a lock sees what other tables held before.
  const { rows } = await tx.query<ApprovalRow & { now: Date }>({
    name: 'read-locked-approval',
    text: `select ${approvalColumns}, clock_timestamp()::timestamptz(3) as now
           from approvals a
           where a.id = $1::uuid`,
    values: [approvalId],
  })
  const [row] = rows
  if (!row) throwNotFound(approvalId)
  const stored = toStored(row)
  const electorate = await loadElectorate(tx, [stored.approval], people)
  return { stored, moment: { now: row.now, electorate } }
}

/** The database's time, to the millisecond: one clock for all processes. */
export async function readClock(db: Queryable): Promise<Date> {
  const { rows } = await db.query<{ now: Date }>('select clock_timestamp()::timestamptz(3) as now')
  return rows[0]?.now ?? new Date(Number.NaN)
}

/** Throws `not_found` (404) for an approval. */
export function throwNotFound(approvalId: string): never {
  throw new AppError('not_found', `Cannot find approval "${approvalId}"`, { status: 404 })
}

/** True when a step changes what is kept of an approval, be it only that a timer is spent. */
export function isChange({ stored }: LockedApproval, step: Step): boolean {
  return step.approval !== stored.approval
}

/** The approval as a step leaves it. */
export function withStep(stored: StoredApproval, step: Step): StoredApproval {
  if (step.approval === stored.approval) return stored
  return { ...stored, approval: step.approval, version: stored.version + 1 }
}
