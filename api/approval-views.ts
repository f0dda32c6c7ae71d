import type { Electorate } from '../core/approval/approval.ts'
import { findApproval, listTakenVotes } from '../db/approval/records.ts'
import { listHistory } from '../db/approval/history.ts'
import { loadElectorate } from '../db/approval/electorate.ts'
import { throwNotFound } from '../db/approval/lock.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import type { Queryable } from '../db/client.ts'
import { presentApproval, type PresentedApproval } from './presenters/approval.ts'

/** An approval as a list found it, and who belongs to which of its groups then. */
export type FoundApproval = {
  readonly stored: StoredApproval
  readonly electorate: Electorate
}

// Of an approval with more votes or events the newest are shown; all are kept.
const MAX_SHOWN = 1_000

/** An approval as it stands now, with its newest votes and history. */
export async function viewApproval(db: Queryable, approvalId: string): Promise<PresentedApproval> {
  const stored = await findApproval(db, approvalId)
  if (!stored) throwNotFound(approvalId)
  return await viewStored(db, stored)
}

/** The same for one that was read just now. */
export async function viewStored(
  db: Queryable,
  stored: StoredApproval,
): Promise<PresentedApproval> {
  const electorate = await loadElectorate(db, [stored.approval])
  const votes = await listTakenVotes(db, stored.id, MAX_SHOWN)
  const history = await listHistory(db, stored.id, MAX_SHOWN)
  return presentApproval({ stored, electorate, votes, history })
}

/** Approvals with who belongs to the groups that decide on them. */
export async function withElectorate(
  db: Queryable,
  found: readonly StoredApproval[],
): Promise<FoundApproval[]> {
  const electorate = await loadElectorate(
    db,
    found.map(({ approval }) => approval),
  )
  return found.map((stored) => ({ stored, electorate }))
}
