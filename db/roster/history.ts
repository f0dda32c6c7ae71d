import type { Queryable } from '../client.ts'
import { COLUMNS, type RosterRun } from './runs.ts'

type Position = { readonly createdAt: string; readonly id: string }

export type RosterRunPage = {
  readonly tenant: string
  readonly providerId?: string | undefined
  readonly after?: Position | undefined
  readonly limit: number
}

/** A tenant's runs, the newest first. */
export async function listRosterRuns(db: Queryable, page: RosterRunPage): Promise<RosterRun[]> {
  const { rows } = await db.query<RosterRun>(
    `select ${COLUMNS} from roster_runs
     where tenant = $1::text and ($2::uuid is null or provider_id = $2::uuid)
       and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $4::uuid))
     order by created_at desc, id desc
     limit $5::integer`,
    [
      page.tenant,
      page.providerId ?? null,
      page.after?.createdAt ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  )
  return rows
}

/** How far a run has come: what its source has given, and what is written. */
export type RosterProgress = {
  readonly received: number
  /** Of all collections, where the source says how many they are. */
  readonly expected: number | null
  readonly changes: number
  readonly pending: number
  /** When the provider's cursor was moved last. */
  readonly cursorAt: Date | null
}

export type RosterRunStanding = { readonly run: RosterRun; readonly progress: RosterProgress }

/** The run under way of each of the tenant's providers, else the last one. */
export async function listCurrentRosterRuns(
  db: Queryable,
  { tenant, providerId }: { readonly tenant: string; readonly providerId?: string | undefined },
): Promise<RosterRunStanding[]> {
  const { rows } = await db.query<RosterRun>(
    `select run.* from roster_providers p
     cross join lateral (
       select ${COLUMNS} from roster_runs
       where provider_id = p.id order by created_at desc, id desc limit 1
     ) run
     where p.tenant = $1::text and p.removed_at is null
       and ($2::uuid is null or p.id = $2::uuid)
     order by p.created_at, p.id`,
    [tenant, providerId ?? null],
  )
  return await addProgress(db, rows)
}

/** How far these runs have come. */
export async function addProgress(
  db: Queryable,
  runs: readonly RosterRun[],
): Promise<RosterRunStanding[]> {
  const { rows } = await db.query<RosterProgress & { readonly id: string }>(
    `select r.id, p.cursor_at as "cursorAt",
       coalesce(pulled.received, 0)::float8 as received,
       case when pulled.streams = pulled.counted then pulled.expected::float8 end as expected,
       case when r.state = 'applying' then coalesce((
         select max(change) from roster_changes where run_id = r.id), 0) else 0 end as changes,
       case when r.state = 'applying' then (
         select count(*) from roster_changes where run_id = r.id and state = 'pending')
         else 0 end as pending
     from roster_runs r
     join roster_providers p on p.id = r.provider_id
     left join lateral (
       select sum(received) as received, sum(total) as expected, count(*) as streams,
         count(total) as counted
       from roster_streams where run_id = r.id
     ) pulled on true
     where r.id = any ($1::uuid[])`,
    [runs.map(({ id }) => id)],
  )
  const byId = new Map(rows.map(({ id, ...progress }) => [id, progress]))
  return runs.map((run) => ({ run, progress: byId.get(run.id) ?? NONE }))
}

const NONE: RosterProgress = {
  received: 0,
  expected: null,
  changes: 0,
  pending: 0,
  cursorAt: null,
}

/** One record or write that failed; `id` as the source writes it. */
export type RosterError = {
  readonly entity: string
  readonly id: string
  readonly code: string
  readonly message: string
  readonly attempts: number
}

type ErrorKey = Pick<RosterError, 'entity' | 'id' | 'code'>

/** A page of a run's errors, by entity, id and code. */
export async function listRosterErrors(
  db: Queryable,
  page: { readonly runId: string; readonly after?: ErrorKey | undefined; readonly limit: number },
): Promise<RosterError[]> {
  const { after } = page
  const { rows } = await db.query<RosterError>(
    `select entity, id, code, message, attempts from roster_errors
     where run_id = $1::uuid
       and ($2::text is null or (entity, id, code) > ($2::text, $3::text, $4::text))
     order by entity, id, code
     limit $5::integer`,
    [page.runId, after?.entity ?? null, after?.id ?? null, after?.code ?? null, page.limit],
  )
  return rows
}

/** Asks a run to end; false where it has ended, or waits for a decision. */
export async function requestRosterStop(tx: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update roster_runs set stop_requested_at = coalesce(stop_requested_at, clock_timestamp())
     where id = $1::uuid and state in ('queued', 'pulling', 'planning', 'applying')`,
    [id],
  )
  return rowCount === 1
}
