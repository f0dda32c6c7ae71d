import type { RosterType } from '../../core/roster/run.ts'
import type { Queryable } from '../client.ts'
import { metRecords } from './known.ts'
import type { PlanOptions } from './plan-scope.ts'
import { nameRosterStaging } from './staging.ts'

/**
 * What is to become of the members of groups that stay: everybody of a school, and a section's
 * students and teachers of this day, as far as they have an account or get one.
 */
export async function planMembers(tx: Queryable, options: PlanOptions): Promise<void> {
  const { providerId, today, addsOnly } = options
  await tx.query(
    `create temporary table plan_members on commit drop as
     with desired_sections as (
       select e.section_id as group_id, e.user_id
       from (${currentEnrollments(options)}) e
       join plan_people h on h.id = e.user_id and h.is_holder
       where e.role in ('student', 'teacher')
         and (e.begin_date is null or e.begin_date <= $2::date)
         and (e.end_date is null or e.end_date >= $2::date)
     ), desired_schools as (
       select s.school as group_id, h.id as user_id
       from plan_people h cross join lateral jsonb_array_elements_text(h.school_ids) as s (school)
       where h.is_holder
     )
     ${differenceOf('sections')} union all ${differenceOf('schools')}`,
    [providerId, today],
  )
  await tx.query('analyze plan_members')
  await dropOutsiders(tx, { addsOnly, providerId })
  await tx.query(
    `insert into plan_changes (op, type, id, after)
     select 'members', m.type, m.group_id, jsonb_build_object(
       'add', coalesce(jsonb_agg(m.user_id order by m.user_id collate "C")
         filter (where m.is_added), '[]'),
       'remove', coalesce(jsonb_agg(m.user_id order by m.user_id collate "C")
         filter (where not m.is_added), '[]'))
     from plan_members m
     join plan_groups g on g.type = m.type and g.id = m.group_id and g.in_scope
     group by m.type, m.group_id`,
  )
}

// What groups of a type lack, and what they have too much of. $1: the provider.
function differenceOf(type: RosterType): string {
  return `select distinct '${type}' as type, coalesce(d.group_id, m.group_id) as group_id,
      coalesce(d.user_id, m.user_id) as user_id, m.user_id is null as is_added
    from desired_${type} d
    full join (
      select group_id, user_id from roster_members
      where provider_id = $1::uuid and type = '${type}'
    ) m on m.group_id = d.group_id and m.user_id = d.user_id
    where d.user_id is null or m.user_id is null`
}

// Nobody is taken from a group who is out of scope, or who is neither known now nor known to be gone.
async function dropOutsiders(
  tx: Queryable,
  { addsOnly, providerId }: Pick<PlanOptions, 'addsOnly' | 'providerId'>,
): Promise<void> {
  await tx.query(
    `delete from plan_members m
     where not m.is_added
       and not exists (select from plan_people h where h.id = m.user_id and h.is_holder)
       and not (not $1::boolean and exists (select from plan_leavers l where l.id = m.user_id))
       and exists (select from roster_accounts a where a.provider_id = $2::uuid and a.id = m.user_id)`,
    [addsOnly, providerId],
  )
}

// $1: the provider.
function currentEnrollments({ runId, overlays }: PlanOptions): string {
  const staged = nameRosterStaging(runId, 'enrollments')
  const held = overlays.has('enrollments')
    ? `not exists (select from ${staged} s where s.id is null and s.section_id = b.section_id)`
    : `exists (select from ${metRecords(runId, ['enrollments'])} m where m.id = b.id)`
  return `select section_id, user_id, role, begin_date, end_date
    from ${staged} where id is not null and not is_removed
    union all
    select b.section_id, b.user_id, b.role, b.begin_date, b.end_date
    from roster_enrollments b
    where b.provider_id = $1::uuid
      and not exists (select from ${staged} s where s.id = b.id) and ${held}`
}
