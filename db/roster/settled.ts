import { noTypeCounts, rosterTypes, type RosterCounts } from '../../core/roster/run.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'
import { metRecords, RECORDS } from './known.ts'
import type { PlanResult } from './plan.ts'
import type { PlanOptions } from './plan-scope.ts'
import { prepareSets } from './sets.ts'
import { sharesTarget } from './shared-target.ts'
import { nameRosterStaging } from './staging.ts'

/** The plan of a run that has nothing to do, and the run that left everything so. */
export type SettledPlan = PlanResult & { readonly settledBy: string }

type Options = PlanOptions & { readonly mode: RosterMode; readonly fetched: RosterCounts }

// The names of groups depend on those of other providers on the target: their changes void no mark.
const IS_ALONE = `not exists (select from roster_providers other where ${sharesTarget('p', 'other')})`

// Once in so many days a plan is worked out all the same.
const MAX_AGE_DAYS = 7

/**
 * The run that left the provider ($1) settled, where a run ($2) may build on it: neither the rules nor
 * the release of the product that follows them are others since.
 */
export const SETTLED_RUN = `
  select r.id as "runId", r.plan_day::text as day
  from roster_settled s
  join roster_runs r on r.id = s.run_id
  join roster_runs own on own.id = $2::uuid and own.release is not distinct from r.release
  join roster_providers p on p.id = s.provider_id
  where s.provider_id = $1::uuid and r.provider_version >= p.roster_version and ${IS_ALONE}`

/**
 * The plan of a run that finds everything as the last full run left it; undefined where something
 * may be otherwise, and the plan is to be worked out. What a plan is worked out from is the roster as
 * it is known, what was applied, the settings, the day, and what was read: the first two void the
 * mark of that run when they are written to, the others are compared here.
 */
export async function findSettledPlan(
  tx: Queryable,
  options: Options,
): Promise<SettledPlan | undefined> {
  if (options.selection !== null || options.addsOnly) return undefined
  const settled = await findSettled(tx, options)
  if (!settled) return undefined
  await prepareSets(tx)
  if (await hasNews(tx, options)) return undefined
  if (await isDue(tx, options, settled.day)) return undefined
  if (options.mode === 'full' && (await hasUnmet(tx, options))) return undefined
  if (options.mode === 'full') await noteUnseen(tx, options)
  return { ...(await measure(tx, options)), settledBy: settled.runId }
}

/**
 * Marks a full run that is about to succeed as the one that left everything settled, where all that
 * it planned is done, and it was not held: meanwhile others may have written. False for another one.
 */
export async function markSettled(tx: Queryable, runId: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into roster_settled (provider_id, run_id)
     select r.provider_id, r.id from roster_runs r
     join roster_providers p on p.id = r.provider_id
     where r.id = $1::uuid and r.mode = 'full' and r.plan_day is not null and r.approval_id is null
       and r.selection is null and not r.adds_only and ${IS_ALONE}
       and not exists (select from roster_errors e where e.run_id = r.id)
       and not exists (select from roster_changes c where c.run_id = r.id and c.state <> 'done')
     on conflict (provider_id) do update set run_id = excluded.run_id`,
    [runId],
  )
  return rowCount === 1
}

async function findSettled(
  tx: Queryable,
  { providerId, runId }: Options,
): Promise<{ readonly runId: string; readonly day: string } | undefined> {
  const { rows } = await tx.query<{ runId: string; day: string }>(
    `${SETTLED_RUN} and r.started_at > clock_timestamp() - make_interval(days => $3::integer)`,
    [providerId, runId, MAX_AGE_DAYS],
  )
  return rows[0]
}

// Whether the source said anything that is not known, or that could not be read.
async function hasNews(tx: Queryable, { runId }: Options): Promise<boolean> {
  return await holds(
    tx,
    `exists (select from ${nameRosterStaging(runId, 'records')})
     or exists (select from ${nameRosterStaging(runId, 'users')})
     or exists (select from ${nameRosterStaging(runId, 'enrollments')})
     or exists (select from roster_errors where run_id = $1::uuid)`,
    [runId],
  )
}

// Whether a membership begins or ends by a day between then and now, or an account is to be deleted.
async function isDue(
  tx: Queryable,
  { providerId, today, deleteBefore }: Options,
  day: string,
): Promise<boolean> {
  const [first, last] = [day, today].toSorted()
  return await holds(
    tx,
    `exists (
       select from roster_enrollments e
       where e.provider_id = $1::uuid and (e.begin_date > $2::date and e.begin_date <= $3::date
         or e.end_date >= $2::date and e.end_date < $3::date))
     or exists (
       select from roster_accounts a
       where a.provider_id = $1::uuid and not a.is_active and a.deactivated_at < $4::timestamptz)`,
    [providerId, first, last, deleteBefore ?? null],
  )
}

// Whether something that is known was not read.
async function hasUnmet(tx: Queryable, { runId, providerId }: Options): Promise<boolean> {
  return await holds(
    tx,
    `exists (
       select from roster_records b
       where b.provider_id = $1::uuid and not exists (
         select from ${metRecords(runId, RECORDS)} m
         where m.collection = b.collection and m.id = b.id))
     or exists (
       select from roster_users b
       where b.provider_id = $1::uuid
         and not exists (select from ${metRecords(runId, ['users'])} m where m.id = b.id))
     or exists (
       select from roster_enrollments b
       where b.provider_id = $1::uuid
         and not exists (select from ${metRecords(runId, ['enrollments'])} m where m.id = b.id))`,
    [providerId],
  )
}

async function holds(
  tx: Queryable,
  condition: string,
  parameters: readonly unknown[],
): Promise<boolean> {
  const { rows } = await tx.query<{ holds: boolean }>(`select ${condition} as holds`, [
    ...parameters,
  ])
  return rows[0]?.holds === true
}

// As a plan that is worked out counts people who are listed by sections, and not shown.
async function noteUnseen(tx: Queryable, { runId, providerId }: Options): Promise<void> {
  await tx.query(
    `update roster_runs set warnings = warnings + (
       select count(distinct e.user_id) from roster_enrollments e
       where e.provider_id = $2::uuid and not exists (
         select from roster_users u where u.provider_id = e.provider_id and u.id = e.user_id))
     where id = $1::uuid`,
    [runId, providerId],
  )
}

type Found = {
  readonly type: string
  readonly active: number
  readonly known: number
  readonly wanted: number
}

async function measure(tx: Queryable, { providerId, fetched }: Options): Promise<PlanResult> {
  const { rows } = await tx.query<Found>(
    `select 'users' as type, count(*) as known, count(*) filter (where is_wanted) as wanted, (
         select count(*) from roster_accounts a
         where a.provider_id = $1::uuid and a.is_active) as active
     from roster_users where provider_id = $1::uuid
     union all
     select t.type, b.known, b.known, g.active
     from unnest(array['schools', 'sections']) as t (type)
     cross join lateral (
       select count(*) as known from roster_records r
       where r.provider_id = $1::uuid and r.collection = t.type) b
     cross join lateral (
       select count(*) as active from roster_groups r
       where r.provider_id = $1::uuid and r.type = t.type) g`,
    [providerId],
  )
  const found = new Map(rows.map((row) => [row.type, row]))
  const measured = rosterTypes.map((type) => {
    const { active, known, wanted } = found.get(type) ?? { active: 0, known: 0, wanted: 0 }
    const shape = { type, active, updates: 0, deactivations: 0, before: known, now: known }
    const counts = { ...noTypeCounts, fetched: fetched[type]?.fetched ?? 0, unchanged: wanted }
    return { shape, counts }
  })
  return {
    shape: { addsOnly: false, types: measured.map(({ shape }) => shape), schools: [] },
    counts: Object.fromEntries(measured.map(({ shape, counts }) => [shape.type, counts])),
  }
}
