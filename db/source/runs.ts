import type { Hold } from '../../core/source/guard.ts'
import type { Queryable } from '../client.ts'

export type SourceRunState =
  | 'queued'
  | 'reading'
  | 'comparing'
  | 'posting'
  | 'held'
  | 'succeeded'
  | 'partial'
  | 'failed'
  | 'discarded'

export type SourceRunMode = 'full' | 'incremental'

export type SourceRun = {
  readonly id: string
  readonly source: string
  readonly publisher: string
  readonly mode: SourceRunMode
  readonly dryRun: boolean
  readonly state: SourceRunState
  readonly read: number
  readonly created: number
  readonly updated: number
  readonly deactivated: number
  readonly unchanged: number
  readonly failed: number
  readonly hold: Hold | null
  readonly planHash: string | null
  readonly approvalId: string | null
  readonly errorCode: string | null
  readonly since: string | null
  readonly watermark: string | null
  readonly startedBy: string
  readonly requestId: string
  readonly createdAt: Date
  readonly readAt: Date | null
  readonly endedAt: Date | null
}

export type NewSourceRun = Pick<
  SourceRun,
  'id' | 'source' | 'publisher' | 'mode' | 'dryRun' | 'startedBy' | 'requestId'
> & {
  /** Of the workflow that a schedule has started, whose id is not made of the run's. */
  readonly workflowId?: string | undefined
}

/** What a run came to once it was compared with the vault. */
export type Comparison = Pick<SourceRun, 'created' | 'updated' | 'deactivated' | 'unchanged'> & {
  readonly failed: number
  readonly hold: Hold | undefined
  readonly planHash: string
}

const COLUMNS = `id, source, publisher, mode, dry_run as "dryRun", state, read, created, updated,
  deactivated, unchanged, failed, hold, plan_hash as "planHash", approval_id as "approvalId",
  error_code as "errorCode", since, watermark, started_by as "startedBy",
  request_id as "requestId", created_at as "createdAt", read_at as "readAt",
  ended_at as "endedAt"`

/** Adds a run; undefined while another one of the source is under way. */
export async function insertSourceRun(
  tx: Queryable,
  run: NewSourceRun,
): Promise<SourceRun | undefined> {
  const { rows } = await tx.query<SourceRun>(
    `insert into source_runs
       (id, source, publisher, mode, dry_run, started_by, request_id, workflow_id)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::boolean, $6::text, $7::text, $8::text)
     on conflict (source) where state in ('queued', 'reading', 'comparing', 'posting') do nothing
     returning ${COLUMNS}`,
    [
      run.id,
      run.source,
      run.publisher,
      run.mode,
      run.dryRun,
      run.startedBy,
      run.requestId,
      run.workflowId ?? null,
    ],
  )
  return rows[0]
}

/** The run with this id, if there is one. */
export async function findSourceRun(db: Queryable, id: string): Promise<SourceRun | undefined> {
  const { rows } = await db.query<SourceRun>(
    `select ${COLUMNS} from source_runs where id = $1::uuid`,
    [id],
  )
  return rows[0]
}

/** The run, its row locked until the transaction ends. */
export async function lockSourceRun(tx: Queryable, id: string): Promise<SourceRun | undefined> {
  const { rows } = await tx.query<SourceRun>(
    `select ${COLUMNS} from source_runs where id = $1::uuid for update`,
    [id],
  )
  return rows[0]
}

export type SourceRunPage = {
  readonly source: string
  readonly after?: { readonly createdAt: string; readonly id: string } | undefined
  readonly limit: number
}

/** Runs of a source, the newest first. */
export async function listSourceRuns(db: Queryable, page: SourceRunPage): Promise<SourceRun[]> {
  const { rows } = await db.query<SourceRun>(
    `select ${COLUMNS} from source_runs
     where source = $1::text
       and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
     order by created_at desc, id desc
     limit $4::integer`,
    [page.source, page.after?.createdAt ?? null, page.after?.id ?? null, page.limit],
  )
  return rows
}

/** The newest run of each of these sources. */
export async function listLatestSourceRuns(
  db: Queryable,
  sources: readonly string[],
): Promise<SourceRun[]> {
  const { rows } = await db.query<SourceRun>(
    `select r.* from unnest($1::text[]) as s (name)
     cross join lateral (
       select ${COLUMNS} from source_runs
       where source = s.name order by created_at desc, id desc limit 1
     ) r`,
    [sources],
  )
  return rows
}

/** How the source's last applied runs left it. */
export type SourceStanding = {
  /** Where the next incremental read begins; null: everybody is to be read. */
  readonly watermark: string | null
  /** When everybody was last read, and how many they were. */
  readonly fullAt: Date | null
  readonly fullRead: number | null
}

/** Where the next run of a source begins, by those that ended well; nulls before the first. */
export async function findSourceStanding(db: Queryable, source: string): Promise<SourceStanding> {
  const { rows } = await db.query<SourceStanding>(
    `select
       (select watermark from source_runs
         where source = $1::text and state in ('succeeded', 'partial') and not dry_run
         order by created_at desc limit 1) as watermark,
       whole.read_at as "fullAt", whole.read as "fullRead"
     from (values (true)) one
     left join lateral (
       select read_at, read from source_runs
       where source = $1::text and state in ('succeeded', 'partial') and not dry_run
         and mode = 'full'
       order by created_at desc limit 1
     ) whole on true`,
    [source],
  )
  return rows[0] ?? { watermark: null, fullAt: null, fullRead: null }
}

/** Notes that the source is being asked; the run begins afresh, unless it was compared already: false. */
export async function beginReading(
  tx: Queryable,
  id: string,
  read: { readonly since: string | undefined; readonly at: Date },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update source_runs set state = 'reading', since = $2::text, read_at = $3::timestamptz, read = 0
     where id = $1::uuid and state in ('queued', 'reading', 'comparing')`,
    [id, read.since ?? null, read.at],
  )
  if (rowCount === 0) return false
  await tx.query('delete from source_rows where run_id = $1::uuid', [id])
  return true
}

/** Notes that everything was read. */
export async function endReading(
  db: Queryable,
  id: string,
  { read, watermark }: { readonly read: number; readonly watermark: string | undefined },
): Promise<void> {
  await db.query(
    `update source_runs set state = 'comparing', read = $2::integer, watermark = $3::text
     where id = $1::uuid and state = 'reading'`,
    [id, read, watermark ?? null],
  )
}

/** Writes what the run would do and what becomes of it now; the rows that were read are forgotten. */
export async function endComparing(
  tx: Queryable,
  id: string,
  { next, ...found }: Comparison & { readonly next: SourceRunState },
): Promise<void> {
  await tx.query(
    `update source_runs
     set created = $2::integer, updated = $3::integer, deactivated = $4::integer,
       unchanged = $5::integer, failed = $6::integer, hold = $7::jsonb, plan_hash = $8::text,
       state = $9::text
     where id = $1::uuid`,
    [
      id,
      found.created,
      found.updated,
      found.deactivated,
      found.unchanged,
      found.failed,
      found.hold ? JSON.stringify(found.hold) : null,
      found.planHash,
      next,
    ],
  )
  await tx.query('delete from source_rows where run_id = $1::uuid', [id])
}

/** Notes the approval that a held run waits for. */
export async function setSourceRunApproval(
  tx: Queryable,
  id: string,
  approvalId: string,
): Promise<void> {
  await tx.query('update source_runs set approval_id = $2::uuid where id = $1::uuid', [
    id,
    approvalId,
  ])
}

/** A held run goes on or is dropped; false when it is not held (any more). */
export async function leaveHold(
  tx: Queryable,
  id: string,
  next: 'posting' | 'discarded',
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update source_runs
     set state = $2::text, ended_at = case when $2::text = 'discarded' then now() end
     where id = $1::uuid and state = 'held'`,
    [id, next],
  )
  return rowCount === 1
}

/** A run that waits for a decision, and what it would do. */
export type HeldRun = { readonly id: string; readonly planHash: string }

/** Held runs of a source, oldest first. */
export async function listHeldRuns(tx: Queryable, source: string): Promise<HeldRun[]> {
  const { rows } = await tx.query<HeldRun>(
    `select id, plan_hash as "planHash" from source_runs
     where source = $1::text and state = 'held' order by created_at`,
    [source],
  )
  return rows
}

/** Ends a run; nothing is changed where it has ended already. */
export async function endSourceRun(
  tx: Queryable,
  id: string,
  end: { readonly state: SourceRunState; readonly code?: string | undefined },
): Promise<void> {
  await tx.query(
    `update source_runs set state = $2::text, error_code = $3::text, ended_at = now()
     where id = $1::uuid and ended_at is null`,
    [id, end.state, end.code ?? null],
  )
  await tx.query('delete from source_rows where run_id = $1::uuid', [id])
}

/** Removes runs that ended before an instant, with all they kept. */
export async function purgeSourceRuns(
  db: Queryable,
  { endedBefore, limit }: { readonly endedBefore: Date; readonly limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from source_runs where id in (
       select r.id from source_runs r
       where r.ended_at < $1::timestamptz
         and r.id <> (
           select id from source_runs last
           where last.source = r.source and last.mode = r.mode and not last.dry_run
           order by created_at desc limit 1)
       order by r.ended_at
       limit $2::integer)`,
    [endedBefore, limit],
  )
  return rowCount ?? 0
}
