import type { RollbackCounts, RollbackState, RollbackTarget } from '../../core/license/rollback.ts'
import { AppError } from '../../core/errors.ts'
import type { Queryable } from '../client.ts'

/** A run that takes back what an upload, or another such run, did to licenses. */
export type Rollback = {
  readonly id: string
  readonly compact: string
  readonly jurisdiction: string
  readonly tenant: string | undefined
  readonly target: RollbackTarget
  readonly dryRun: boolean
  readonly reason: string | undefined
  readonly state: RollbackState
  readonly failureCode: string | undefined
  readonly requestedBy: string
  readonly requestId: string
  readonly traceparent: string | undefined
  readonly approvalId: string | undefined
  /** Hexadecimal; once it is planned. */
  readonly planHash: string | undefined
  readonly counts: RollbackCounts
  readonly createdAt: Date
  readonly plannedAt: Date | undefined
  readonly applyingAt: Date | undefined
  readonly finishedAt: Date | undefined
}

export type NewRollback = Pick<
  Rollback,
  | 'id'
  | 'compact'
  | 'jurisdiction'
  | 'tenant'
  | 'target'
  | 'dryRun'
  | 'reason'
  | 'requestedBy'
  | 'requestId'
  | 'traceparent'
>

type RollbackRow = {
  readonly id: string
  readonly compact: string
  readonly jurisdiction: string
  readonly tenant: string | null
  readonly target_kind: RollbackTarget['kind']
  readonly target_id: string
  readonly dry_run: boolean
  readonly reason: string | null
  readonly state: RollbackState
  readonly failure_code: string | null
  readonly requested_by: string
  readonly request_id: string
  readonly traceparent: string | null
  readonly approval_id: string | null
  readonly plan_hash: string | null
  readonly created_at: Date
  readonly planned_at: Date | null
  readonly applying_at: Date | null
  readonly finished_at: Date | null
} & RollbackCounts

const columns = `id, compact, jurisdiction, tenant, target_kind, target_id, dry_run, reason, state,
  failure_code, requested_by, request_id, traceparent, approval_id,
  encode(plan_hash, 'hex') as plan_hash, restored, removed, recreated, kept, created_at, planned_at,
  applying_at, finished_at`

/** Writes down that a rollback is wanted; throws `rollback_open` (409) while another of its target is. */
export async function insertRollback(tx: Queryable, wanted: NewRollback): Promise<Rollback> {
  const { rows } = await tx.query<RollbackRow>(
    `insert into license_rollbacks
       (id, compact, jurisdiction, tenant, target_kind, target_id, dry_run, reason, state,
        requested_by, request_id, traceparent)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::uuid, $7::boolean, $8::text,
        'planning', $9::text, $10::text, $11::text)
     on conflict (target_id)
       where not dry_run and state in ('planning', 'awaiting-approval', 'applying')
       do nothing
     returning ${columns}`,
    [
      wanted.id,
      wanted.compact,
      wanted.jurisdiction,
      wanted.tenant ?? null,
      wanted.target.kind,
      wanted.target.id,
      wanted.dryRun,
      wanted.reason ?? null,
      wanted.requestedBy,
      wanted.requestId,
      wanted.traceparent ?? null,
    ],
  )
  const [row] = rows
  if (row) return toRollback(row)
  throw new AppError(
    'rollback_open',
    `Cannot roll back ${wanted.target.kind} "${wanted.target.id}": another rollback of it is open`,
    { status: 409 },
  )
}

/** The rollback with this id, if there is one. */
export async function findRollback(db: Queryable, id: string): Promise<Rollback | undefined> {
  const { rows } = await db.query<RollbackRow>(
    `select ${columns} from license_rollbacks where id = $1::uuid`,
    [id],
  )
  return rows[0] && toRollback(rows[0])
}

/** The rollback, its row locked until the transaction ends; throws `not_found` (404). */
export async function lockRollback(tx: Queryable, id: string): Promise<Rollback> {
  const { rows } = await tx.query<RollbackRow>(
    `select ${columns} from license_rollbacks where id = $1::uuid for update`,
    [id],
  )
  if (rows[0]) return toRollback(rows[0])
  throw new AppError('not_found', `Cannot find rollback "${id}"`, { status: 404 })
}

/** The rollbacks of an upload or of another rollback, newest first. */
export async function listRollbacksOf(db: Queryable, targetId: string): Promise<Rollback[]> {
  const { rows } = await db.query<RollbackRow>(
    `select ${columns} from license_rollbacks
     where target_id = $1::uuid
     order by created_at desc, id desc
     limit 100`,
    [targetId],
  )
  return rows.map(toRollback)
}

/** Keeps what the plan of a rollback comes to, and what happens next. */
export async function recordPlan(
  tx: Queryable,
  id: string,
  plan: {
    readonly state: RollbackState
    readonly failureCode?: string | undefined
    readonly approvalId?: string | undefined
    readonly planHash: string
    readonly counts: RollbackCounts
  },
): Promise<void> {
  const { state, failureCode, approvalId, planHash, counts } = plan
  await tx.query(
    `update license_rollbacks
     set state = $2::text, failure_code = $3::text, approval_id = $4::uuid,
       plan_hash = decode($5::text, 'hex'), restored = $6::bigint, removed = $7::bigint,
       recreated = $8::bigint, kept = $9::bigint, planned_at = clock_timestamp(),
       finished_at = case when $2::text = 'failed' then clock_timestamp() end
     where id = $1::uuid`,
    [
      id,
      state,
      failureCode ?? null,
      approvalId ?? null,
      planHash,
      counts.restored,
      counts.removed,
      counts.recreated,
      counts.kept,
    ],
  )
}

/** Marks an approved rollback as being applied, once; uploads take heed from then on. */
export async function markRollbackApplying(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    `update license_rollbacks
     set state = 'applying', applying_at = clock_timestamp()
     where id = $1::uuid and state = 'awaiting-approval'`,
    [id],
  )
}

/** When the run that is taken back wrote: undefined where it wrote nothing, or has not ended. */
export async function findRunWindow(
  db: Queryable,
  { kind, id }: RollbackTarget,
): Promise<{ readonly from: Date; readonly to: Date } | undefined> {
  const { rows } = await db.query<{ from: Date; to: Date }>(
    kind === 'upload'
      ? `select started_at as from, finished_at + interval '1 millisecond' as to
         from uploads
         where id = $1::uuid and started_at is not null and finished_at is not null`
      : `select applying_at as from, finished_at + interval '1 millisecond' as to
         from license_rollbacks
         where id = $1::uuid and state = 'applied'`,
    [id],
  )
  return rows[0]
}

/** Notes that every license of a plan was dealt with, and what was done. */
export async function markRollbackApplied(
  tx: Queryable,
  id: string,
  counts: RollbackCounts,
): Promise<void> {
  await tx.query(
    `update license_rollbacks
     set state = 'applied', finished_at = clock_timestamp(), restored = $2::bigint,
       removed = $3::bigint, recreated = $4::bigint, kept = $5::bigint
     where id = $1::uuid and state = 'applying'`,
    [id, counts.restored, counts.removed, counts.recreated, counts.kept],
  )
}

/** Rollbacks of the jurisdiction that wait for a decision, locked until the transaction ends. */
export async function lockWaitingRollbacks(
  tx: Queryable,
  { compact, jurisdiction }: Pick<Rollback, 'compact' | 'jurisdiction'>,
): Promise<Rollback[]> {
  const { rows } = await tx.query<RollbackRow>(
    `select ${columns} from license_rollbacks
     where compact = $1::text and jurisdiction = $2::text and state = 'awaiting-approval'
     order by id
     for update`,
    [compact, jurisdiction],
  )
  return rows.map(toRollback)
}

/** Deletes plans that came to nothing and previews, some at a time; returns how many. */
export async function deleteOldPlans(
  db: Queryable,
  { before, limit }: { readonly before: Date; readonly limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from license_rollbacks
     where id in (
       select id from license_rollbacks
       where state in ('planned', 'failed', 'denied', 'expired', 'withdrawn', 'superseded')
         and coalesce(finished_at, planned_at) < $1::timestamptz
       limit $2::integer
     )`,
    [before, limit],
  )
  return rowCount ?? 0
}

/** Ends a rollback; one that has ended stays as it is. */
export async function endRollback(
  tx: Queryable,
  id: string,
  end: { readonly state: RollbackState; readonly failureCode?: string | undefined },
): Promise<void> {
  await tx.query(
    `update license_rollbacks
     set state = $2::text, failure_code = $3::text, finished_at = clock_timestamp()
     where id = $1::uuid and state in ('planning', 'awaiting-approval', 'applying')`,
    [id, end.state, end.failureCode ?? null],
  )
}

/** True while a rollback of the jurisdiction is being applied: what is stored may change any moment. */
export async function isRollbackApplying(
  db: Queryable,
  { compact, jurisdiction }: Pick<Rollback, 'compact' | 'jurisdiction'>,
): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (
       select from license_rollbacks
       where compact = $1::text and jurisdiction = $2::text and state = 'applying'
     ) as found`,
    [compact, jurisdiction],
  )
  return rows[0]?.found ?? false
}

/** True while uploads run that may have looked at licenses before the rollback was being applied. */
export async function hasUploadFromBefore(db: Queryable, rollback: Rollback): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (
       select from uploads u join license_rollbacks r on r.id = $1::uuid
       where u.compact = r.compact and u.jurisdiction = r.jurisdiction
         and u.state in ('validating', 'ingesting') and u.started_at <= r.applying_at
     ) as found`,
    [rollback.id],
  )
  return rows[0]?.found ?? false
}

function toRollback(row: RollbackRow): Rollback {
  const { restored, removed, recreated, kept } = row
  return {
    id: row.id,
    compact: row.compact,
    jurisdiction: row.jurisdiction,
    tenant: row.tenant ?? undefined,
    target: { kind: row.target_kind, id: row.target_id },
    dryRun: row.dry_run,
    reason: row.reason ?? undefined,
    state: row.state,
    failureCode: row.failure_code ?? undefined,
    requestedBy: row.requested_by,
    requestId: row.request_id,
    traceparent: row.traceparent ?? undefined,
    approvalId: row.approval_id ?? undefined,
    planHash: row.plan_hash ?? undefined,
    counts: { restored, removed, recreated, kept },
    createdAt: row.created_at,
    plannedAt: row.planned_at ?? undefined,
    applyingAt: row.applying_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
  }
}
