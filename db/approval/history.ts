import type { ApprovalEventName } from '../../core/approval/approval.ts'
import type { Queryable } from '../client.ts'

/** What happened to an approval; `detail` holds what people wrote. */
export type HistoryEntry = {
  readonly at: Date
  readonly event: ApprovalEventName
  readonly actor?: string | undefined
  readonly detail?: Readonly<Record<string, string | number>> | undefined
}

/** Appends to the history of an approval, in order. */
export async function appendHistory(
  tx: Queryable,
  approvalId: string,
  entries: readonly HistoryEntry[],
): Promise<void> {
  if (entries.length === 0) return
  await tx.query({
    name: 'append-approval-history',
    text: `insert into approval_history (approval_id, at, event, actor, detail)
           select $1::uuid, at, event, actor, detail::jsonb
           from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[])
             with ordinality as entry (at, event, actor, detail, position)
           order by position`,
    values: [
      approvalId,
      entries.map(({ at }) => at),
      entries.map(({ event }) => event),
      entries.map(({ actor }) => actor ?? null),
      entries.map(({ detail }) => (detail === undefined ? null : JSON.stringify(detail))),
    ],
  })
}

/** The newest entries of an approval's history, oldest first. */
export async function listHistory(
  db: Queryable,
  approvalId: string,
  limit: number,
): Promise<HistoryEntry[]> {
  const { rows } = await db.query<{
    at: Date
    event: ApprovalEventName
    actor: string | null
    detail: Record<string, string | number> | null
  }>({
    name: 'list-approval-history',
    text: `select at, event, actor, detail
           from approval_history
           where approval_id = $1::uuid
           order by position desc
           limit $2::integer`,
    values: [approvalId, limit],
  })
  return rows.toReversed().map(({ at, event, actor, detail }) => ({
    at,
    event,
    ...(actor !== null && { actor }),
    ...(detail !== null && { detail }),
  }))
}
