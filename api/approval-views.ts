import { findApproval, listTakenVotes } from '../db/approval/records.ts'
import { listHistory } from '../db/approval/history.ts'
import { loadElectorate } from '../db/approval/electorate.ts'
import { throwNotFound } from '../db/approval/lock.ts'
import type { StoredApproval } from '../db/approval/rows.ts'
import type { Queryable } from '../db/client.ts'
import {
  presentApproval,
  presentApprovalItem,
  type PresentedApproval,
} from './presenters/approval.ts'

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

/** Approvals as lists show them. */
export async function viewItems(
  db: Queryable,
  stored: readonly StoredApproval[],
): Promise<ReturnType<typeof presentApprovalItem>[]> {
  const electorate = await loadElectorate(
    db,
    stored.map(({ approval }) => approval),
  )
  return stored.map((each) => presentApprovalItem({ stored: each, electorate }))
}
