import type { GuardJudgement, RosterCounts, RosterRunState } from '../../core/roster/run.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'

/** Notes that a run begins to read its source; one that has begun before reads on. */
export async function beginPull(
  tx: Queryable,
  id: string,
  pull: {
    readonly mode: RosterMode
    readonly since: string | undefined
    readonly baseline: string | undefined
    readonly providerVersion: number
    /** Of the product. */
    readonly release: string | undefined
  },
): Promise<void> {
  await tx.query(
    `update roster_runs
     set state = 'pulling', mode = $2::text, since = $3::text, baseline = $4::text,
       provider_version = $5::integer, release = $6::text, started_at = coalesce(started_at, clock_timestamp()),
       pulls = pulls + 1, seen_at = clock_timestamp(), pages = 0, warnings = 0, counts = '{}', paused_until = null
     where id = $1::uuid`,
    [
      id,
      pull.mode,
      pull.since ?? null,
      pull.baseline ?? null,
      pull.providerVersion,
      pull.release ?? null,
    ],
  )
}

/** Adds a page to what a run has read. */
export async function notePulled(
  tx: Queryable,
  id: string,
  page: { readonly counts: RosterCounts; readonly warnings: number },
): Promise<void> {
  await tx.query(
    `update roster_runs
     set pages = pages + 1, warnings = warnings + $3::integer, counts = $2::jsonb,
       seen_at = clock_timestamp(), paused_until = null
     where id = $1::uuid`,
    [id, JSON.stringify(page.counts), page.warnings],
  )
}

/** Moves a run to its next state; it waits for no pause any more. */
export async function setRosterRunState(
  tx: Queryable,
  id: string,
  state: RosterRunState,
): Promise<void> {
  await tx.query(
    `update roster_runs
     set state = $2::text, seen_at = clock_timestamp(), paused_until = null
     where id = $1::uuid`,
    [id, state],
  )
}

/** Notes until when a run waits. */
export async function setPausedUntil(tx: Queryable, id: string, until: Date): Promise<void> {
  await tx.query(
    `update roster_runs set paused_until = $2::timestamptz, seen_at = clock_timestamp()
     where id = $1::uuid`,
    [id, until],
  )
}

/** Writes what a run would do, how the guard judges it, and what becomes of the run now. */
export async function endPlanning(
  tx: Queryable,
  id: string,
  plan: {
    readonly counts: RosterCounts
    readonly guard: readonly GuardJudgement[]
    readonly hash: string
    /** Null for one that was not worked out: everything was as an earlier run had left it. */
    readonly day: string | null
    /** That run. */
    readonly settledBy: string | null
    readonly next: RosterRunState
  },
): Promise<void> {
  await tx.query(
    `update roster_runs
     set counts = $2::jsonb, guard = $3::jsonb, plan_hash = $4::text, state = $5::text,
       plan_day = $6::date, settled_by = $7::uuid, seen_at = clock_timestamp()
     where id = $1::uuid`,
    [
      id,
      JSON.stringify(plan.counts),
      JSON.stringify(plan.guard),
      plan.hash,
      plan.next,
      plan.day,
      plan.settledBy,
    ],
  )
}

/** Writes down how far a run is; it waits for no pause any more. */
export async function setRosterCounts(
  tx: Queryable,
  id: string,
  counts: RosterCounts,
): Promise<void> {
  await tx.query(
    `update roster_runs
     set counts = $2::jsonb, seen_at = clock_timestamp(), paused_until = null
     where id = $1::uuid`,
    [id, JSON.stringify(counts)],
  )
}

/** Notes the approval that decides on a run's plan. */
export async function setRosterApproval(
  tx: Queryable,
  id: string,
  approvalId: string,
): Promise<void> {
  await tx.query('update roster_runs set approval_id = $2::uuid where id = $1::uuid', [
    id,
    approvalId,
  ])
}

/** A held run goes on or is dropped; false when it is not held (any more). */
export async function leaveRosterHold(
  tx: Queryable,
  id: string,
  next: 'applying' | 'discarded',
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update roster_runs
     set state = $2::text, seen_at = clock_timestamp(),
       ended_at = case when $2::text = 'discarded' then clock_timestamp() end
     where id = $1::uuid and state = 'held'`,
    [id, next],
  )
  return rowCount === 1
}

/** Ends a run under way; false when it was not (any more). */
export async function endRosterRun(
  tx: Queryable,
  id: string,
  end: {
    readonly state: 'succeeded' | 'partial' | 'failed' | 'stopped' | 'discarded'
    readonly code?: string | undefined
    readonly message?: string | undefined
  },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update roster_runs
     set state = $2::text, error_code = $3::text, error_message = $4::text,
       ended_at = clock_timestamp(), seen_at = clock_timestamp(), paused_until = null
     where id = $1::uuid and state in ('queued', 'pulling', 'planning', 'applying')`,
    [id, end.state, end.code ?? null, end.message ?? null],
  )
  return rowCount === 1
}

/** True when a run has an error: a record of which nothing could be taken, or a write that failed. */
export async function hasRosterErrors(tx: Queryable, id: string): Promise<boolean> {
  const { rows } = await tx.query<{ exists: boolean }>(
    'select exists (select from roster_errors where run_id = $1::uuid) as exists',
    [id],
  )
  return rows[0]?.exists === true
}

/** The settings' version that a run follows, and how often it began to read its source. */
export async function findPullStanding(
  db: Queryable,
  id: string,
): Promise<{ readonly version: number | null; readonly pulls: number }> {
  const { rows } = await db.query<{ version: number | null; pulls: number }>(
    'select provider_version as version, pulls from roster_runs where id = $1::uuid',
    [id],
  )
  return rows[0] ?? { version: null, pulls: 0 }
}

/** Whether somebody asked the run to end, or it has ended. */
export async function isStopAsked(db: Queryable, id: string): Promise<boolean> {
  const { rows } = await db.query<{ asked: boolean }>(
    `select stop_requested_at is not null or ended_at is not null as asked
     from roster_runs where id = $1::uuid`,
    [id],
  )
  return rows[0]?.asked ?? true
}

/** Notes where the provider's next run goes on, after one that applied everything. */
export async function moveCursor(
  tx: Queryable,
  providerId: string,
  run: {
    readonly cursor: string | null
    readonly at: Date
    /** Of a full run. */
    readonly version: number | undefined
  },
): Promise<void> {
  await tx.query(
    `update roster_providers
     set cursor = $2::text, cursor_at = $3::timestamptz,
       full_at = case when $4::integer is null then full_at else $3::timestamptz end,
       full_version = coalesce($4::integer, full_version)
     where id = $1::uuid`,
    [providerId, run.cursor, run.at, run.version ?? null],
  )
}
