import type { Policy } from '../../core/approval/policy.ts'
import { findApprovalType } from '../../core/approval/types.ts'
import type { Queryable } from '../client.ts'

/** A policy and its version: 0 is the default of its type. */
export type PolicyVersion = { readonly version: number; readonly document: Policy }

export type PolicyChange = {
  readonly type: string
  /** The one that it is to follow; 0 where none was put. */
  readonly after: number
  readonly document: Policy
  readonly changedBy: string
}

/** The policy under which approvals of a type open now; undefined where none has been put and there is no default. */
export async function findPolicy(db: Queryable, type: string): Promise<PolicyVersion | undefined> {
  const { rows } = await db.query<PolicyVersion>(
    `select version, document
     from approval_policies
     where type = $1::text
     order by version desc
     limit 1`,
    [type],
  )
  const document = findApprovalType(type)?.defaultPolicy
  return rows[0] ?? (document && { version: 0, document })
}

/** Adds the next version; false when another change came before. */
export async function addPolicyVersion(tx: Queryable, change: PolicyChange): Promise<boolean> {
  const { type, after, document, changedBy } = change
  const { rowCount } = await tx.query(
    `insert into approval_policies (type, version, document, changed_by)
     select $1::text, $2::integer + 1, $3::jsonb, $4::text
     where coalesce((select max(version) from approval_policies where type = $1::text), 0)
       = $2::integer
     on conflict do nothing`,
    [type, after, JSON.stringify(document), changedBy],
  )
  return rowCount === 1
}
