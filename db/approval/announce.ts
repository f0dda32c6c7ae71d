import { randomUUID } from 'node:crypto'
import type { Approval, ApprovalEvent, ApprovalEventName } from '../../core/approval/approval.ts'
import { findSeats } from '../../core/approval/eligibility.ts'
import type { Moment } from '../../core/approval/step.ts'
import { isToldApprovalEvent } from '../../core/webhook/events.ts'
import type { Queryable } from '../client.ts'
import type { StoredApproval } from './rows.ts'

/** Why approvers are told of an approval. */
export type NoticeReason = 'opened' | 'stage-passed' | 'escalated' | 'reminded' | 'info-provided'

export type Announcement = {
  readonly stored: Pick<StoredApproval, 'id' | 'type' | 'requestId'>
  readonly approval: Approval
  readonly events: readonly ApprovalEvent[]
  readonly moment: Moment
}

const REASONS: ReadonlySet<string> = new Set<NoticeReason>([
  'opened',
  'stage-passed',
  'escalated',
  'reminded',
  'info-provided',
])

/** Leaves an event for webhooks for all that happened, and a notice for approvers where it is their turn. */
export async function announce(tx: Queryable, told: Announcement): Promise<void> {
  for (const { event } of told.events) {
    if (isToldApprovalEvent(event)) await insertEvent(tx, event, told)
    if (REASONS.has(event)) await insertNotice(tx, event, told)
  }
}

async function insertEvent(
  tx: Queryable,
  event: ApprovalEventName,
  { stored, approval }: Announcement,
): Promise<void> {
  const data = {
    approvalId: stored.id,
    type: stored.type,
    state: approval.state,
    stage: approval.stage,
  }
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     values ($1::uuid, $2::text, $3::text, $4::jsonb, $5::text)`,
    [
      randomUUID(),
      `approval.${event}`,
      `approvals/${stored.id}`,
      JSON.stringify(data),
      stored.requestId,
    ],
  )
}

async function insertNotice(
  tx: Queryable,
  reason: ApprovalEventName,
  { stored, approval, moment }: Announcement,
): Promise<void> {
  const { groups } = findSeats(approval, moment.electorate)
  await tx.query(
    `insert into approval_notices (approval_id, reason, groups, at)
     values ($1::uuid, $2::text, $3::text[], $4::timestamptz)`,
    [stored.id, reason, groups, moment.now],
  )
}
