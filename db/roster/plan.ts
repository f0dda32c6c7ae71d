import type { PlanShape, SchoolShape, TypeShape } from '../../core/roster/guard.ts'
import { noTypeCounts, rosterTypes, type RosterType } from '../../core/roster/run.ts'
import type { RosterCounts, RosterTypeCounts } from '../../core/roster/run.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'
import { metRecords } from './known.ts'
import { gatherRecords, planGroups } from './plan-groups.ts'
import { planMembers } from './plan-members.ts'
import { planPeople, SCHOOLS_OF_PEOPLE } from './plan-people.ts'
import {
  groupScope,
  isTypeSelected,
  listScopeParameters,
  personScope,
  type PlanOptions,
} from './plan-scope.ts'
import { prepareSets } from './sets.ts'
import { nameRosterStaging, settleStaged } from './staging.ts'

/** What a plan comes to: for the guard, and for who asks how far a run is. */
export type PlanResult = { readonly shape: PlanShape; readonly counts: RosterCounts }

/**
 * Works out what is to be done so that the target has what the source has now, from what is staged,
 * what is known and what was applied, and writes it down as the run's changes in their order. The
 * same state gives the same changes.
 */
export async function buildPlan(
  tx: Queryable,
  options: PlanOptions & { readonly mode: RosterMode; readonly fetched: RosterCounts },
): Promise<PlanResult> {
  await prepareSets(tx)
  await tx.query('delete from roster_changes where run_id = $1::uuid', [options.runId])
  await tx.query(
    `create temporary table plan_changes (
       op text not null, type text not null, id text not null, before jsonb, after jsonb
     ) on commit drop`,
  )
  await settleStaged(tx, options.runId)
  await gatherRecords(tx, options)
  await planPeople(tx, options)
  await planGroups(tx, options)
  await planMembers(tx, options)
  await noteQuarantined(tx, options)
  await noteUnseen(tx, options)
  await tx.query('analyze plan_changes (op, type, id)')
  await numberChanges(tx, options.runId)
  const shapes = await measureTypes(tx, options)
  return {
    shape: {
      addsOnly: options.addsOnly,
      types: shapes.map(({ shape }) => shape),
      schools: await measureSchools(tx, options),
    },
    counts: Object.fromEntries(shapes.map(({ shape, counts }) => [shape.type, counts])),
  }
}

// An incremental run lists who has changed, or is quarantined since: the others are listed already.
async function noteQuarantined(
  tx: Queryable,
  { runId, providerId, mode }: Parameters<typeof buildPlan>[1],
): Promise<void> {
  await tx.query(
    `insert into roster_errors (run_id, entity, id, code, message)
     select $1::uuid, 'users', id, fault, case fault
         when 'no_user_name' then 'Nothing that may name this person has a value'
         else 'Another person of this roster has the same user name' end
     from plan_people p
     left join (
       select e.id as listed, e.code
       from roster_providers v
       join roster_runs r on r.provider_id = v.id and r.started_at >= v.full_at
         and r.state in ('succeeded', 'partial') and not r.dry_run
       join roster_errors e on e.run_id = r.id and e.entity = 'users'
       where v.id = $2::uuid
       group by e.id, e.code
     ) k on k.listed = p.id and k.code = p.fault
     where fault is not null and in_scope and ($3::boolean or is_read or k.listed is null)
     on conflict do nothing`,
    [runId, providerId, mode === 'full'],
  )
}

// Sections list people whom the source does not show: no error, but somebody may wonder.
async function noteUnseen(tx: Queryable, { runId, providerId }: PlanOptions): Promise<void> {
  await tx.query(
    `with unseen as materialized (
       select b.id, b.user_id from roster_enrollments b
       where b.provider_id = $2::uuid
         and not exists (select from plan_people p where p.id = b.user_id)
     )
     update roster_runs set warnings = warnings + (
       select count(distinct e.user_id) from (
         select s.user_id from ${nameRosterStaging(runId, 'enrollments')} s
         where s.id is not null and not s.is_removed
           and not exists (select from plan_people p where p.id = s.user_id)
         union all
         select u.user_id from unseen u where exists (
           select from ${metRecords(runId, ['enrollments'])} m where m.id = u.id and m.is_read)
       ) e)
     where id = $1::uuid`,
    [runId, providerId],
  )
}

async function numberChanges(tx: Queryable, runId: string): Promise<void> {
  await tx.query(
    `insert into roster_changes (run_id, change, op, type, id, before, after)
     select $1::uuid, row_number() over (order by array_position($2::text[], type),
         id collate "C", op collate "C"),
       op, type, id, before, after
     from plan_changes`,
    [runId, rosterTypes],
  )
}

type Measured = { readonly shape: TypeShape; readonly counts: RosterTypeCounts }

async function measureTypes(
  tx: Queryable,
  options: Parameters<typeof buildPlan>[1],
): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const type of rosterTypes) {
    if (!isTypeSelected(options.selection, type)) continue
    const found =
      type === 'users' ? await measurePeople(tx, options) : await measureGroups(tx, type, options)
    const changes = await countChanges(tx, type)
    const { active, before, wanted, failed } = found
    const now = options.mode === 'full' && found.read === 0 ? 0 : found.now
    const counts = {
      ...noTypeCounts,
      fetched: options.fetched[type]?.fetched ?? 0,
      created: changes.created,
      updated: changes.updated,
      deactivated: changes.ended,
      unchanged: wanted - changes.written,
      failed,
    }
    const { updated, returned, ended: deactivations } = changes
    const updates = updated - returned
    measured.push({ shape: { type, active, updates, deactivations, before, now }, counts })
  }
  return measured
}

type Found = Readonly<Record<'active' | 'before' | 'now' | 'read' | 'wanted' | 'failed', number>>

async function measurePeople(
  tx: Queryable,
  { runId, providerId, selection }: PlanOptions,
): Promise<Found> {
  const { rows } = await tx.query<Found>(
    `select
       (select count(*) from roster_accounts a
         where a.provider_id = $4::uuid and a.is_active and ($6::boolean
           or exists (select from plan_people p where p.id = a.id and p.in_scope)
           or exists (select from plan_leavers l where l.id = a.id))) as active,
       (select count(*) from roster_users b
         where b.provider_id = $4::uuid and ${personScope('b.record', 1)}) as before,
       p.now, p.read, p.wanted,
       (select count(*) from roster_errors
         where run_id = $5::uuid and entity = 'users') as failed
     from (
       select count(*) as now, count(*) filter (where is_read) as read,
         count(*) filter (where is_wanted and fault is null) as wanted
       from plan_people where in_scope
     ) p`,
    [...listScopeParameters(selection), providerId, runId, selection === null],
  )
  return rows[0] ?? { active: 0, before: 0, now: 0, read: 0, wanted: 0, failed: 0 }
}

async function measureGroups(
  tx: Queryable,
  type: RosterType,
  { runId, providerId, selection }: PlanOptions,
): Promise<Found> {
  const { rows } = await tx.query<Found>(
    `select
       (select count(*) from roster_groups g
         left join roster_records b
           on b.provider_id = g.provider_id and b.collection = g.type and b.id = g.id
         where g.provider_id = $4::uuid and g.type = $6::text
           and ($7::boolean or ${groupScope('b', 1)})) as active,
       (select count(*) from roster_records b
         where b.provider_id = $4::uuid and b.collection = $6::text
           and ${groupScope('b', 1)}) as before,
       (select count(*) from plan_groups where type = $6::text and in_scope) as now,
       (select count(*) from plan_groups where type = $6::text and in_scope and is_read) as read,
       (select count(*) from plan_groups where type = $6::text and in_scope) as wanted,
       (select count(*) from roster_errors
         where run_id = $5::uuid and entity = $6::text) as failed`,
    [...listScopeParameters(selection), providerId, runId, type, selection === null],
  )
  return rows[0] ?? { active: 0, before: 0, now: 0, read: 0, wanted: 0, failed: 0 }
}

type ChangeCounts = Readonly<
  Record<'created' | 'updated' | 'returned' | 'ended' | 'written', number>
>

// `returned`: of the updated, those whose account is not active now. `written`: of those who are
// wanted, the ones that differ.
async function countChanges(tx: Queryable, type: RosterType): Promise<ChangeCounts> {
  const { rows } = await tx.query<ChangeCounts>(
    `select count(*) filter (where op = 'create') as created,
       count(*) filter (where op = 'update') as updated,
       count(*) filter (where op = 'update' and before @> '{"active": false}') as returned,
       count(*) filter (where op in ('deactivate', 'delete')) as ended,
       count(*) filter (where op in ('create', 'update') and not ($1::text = 'users'
         and exists (select from plan_leavers l where l.id = c.id))) as written
     from plan_changes c where type = $1::text`,
    [type],
  )
  return rows[0] ?? { created: 0, updated: 0, returned: 0, ended: 0, written: 0 }
}

async function measureSchools(tx: Queryable, { providerId }: PlanOptions): Promise<SchoolShape[]> {
  const { rows } = await tx.query<SchoolShape>(
    `with leaving as (
       select school, count(*) as deactivations
       from plan_changes c
       join plan_leavers l on l.id = c.id
       cross join unnest(l.school_ids) as s (school)
       where c.type = 'users' and c.op in ('deactivate', 'delete')
       group by school
     ), active as (
       select school, count(*) as active
       from roster_accounts a cross join unnest(a.school_ids) as s (school)
       where a.provider_id = $1::uuid and a.is_active
       group by school
     ), coming as (
       select school, count(*) as created
       from plan_changes c
       join (${SCHOOLS_OF_PEOPLE}) s on s.id = c.id
       where c.type = 'users' and c.op = 'create'
       group by school
     )
     select l.school, coalesce(a.active, 0) as active, coalesce(n.created, 0) as created,
       l.deactivations
     from leaving l
     left join active a on a.school = l.school
     left join coming n on n.school = l.school
     order by l.school collate "C"`,
    [providerId],
  )
  return rows
}
