import type { RosterType } from '../../core/roster/run.ts'
import type { Queryable } from '../client.ts'
import { metRecords } from './known.ts'
import { SCHOOLS_OF_PEOPLE } from './plan-people.ts'
import type { PlanOptions } from './plan-scope.ts'
import { nameRosterStaging } from './staging.ts'

/**
 * What is to become of the members of groups that stay: everybody of a school, and a section's
 * students and teachers of this day, as far as they have an account or get one. Of what is large, all
 * is in tables that the server can read by several processes.
 */
export async function planMembers(tx: Queryable, options: PlanOptions): Promise<void> {
  const { providerId, today, addsOnly } = options
  await tx.query(
    `create temporary table plan_members on commit drop as
     with desired_sections as (
       select e.section_id as group_id, e.user_id
       from (${currentEnrollments(options)}) e
       where e.role in ('student', 'teacher')
         and (e.begin_date is null or e.begin_date <= $2::date)
         and (e.end_date is null or e.end_date >= $2::date)
     ), desired_schools as (
       select school as group_id, id as user_id from (${SCHOOLS_OF_PEOPLE}) s where is_holder
     )
     select c.type, c.group_id, c.user_id, not c.is_present as is_added
     from (${differenceOf('sections')} union all ${differenceOf('schools')}) c
     left join plan_people h on h.id = c.user_id and h.is_holder
     where ${IS_TO_CHANGE}
     union
     select m.type, m.group_id, m.user_id, false
     from roster_members m join plan_leavers l on l.id = m.user_id
     where m.provider_id = $1::uuid and not $3::boolean`,
    [providerId, today, addsOnly],
  )
  await tx.query('analyze plan_members')
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

// Who is and who is to be in groups of a type, where it is not the same, or they have no account.
function differenceOf(type: RosterType): string {
  return `select '${type}' as type, coalesce(d.group_id, m.group_id) as group_id,
      coalesce(d.user_id, m.user_id) as user_id, d.user_id is not null as is_desired,
      m.user_id is not null as is_present, coalesce(m.has_account, false) as has_account
    from desired_${type} d
    full join (
      select m.group_id, m.user_id, a.id is not null as has_account
      from roster_members m
      left join roster_accounts a on a.provider_id = m.provider_id and a.id = m.user_id
      where m.provider_id = $1::uuid and m.type = '${type}'
    ) m on m.group_id = d.group_id and m.user_id = d.user_id
    where d.user_id is null or m.user_id is null or not m.has_account`
}

// Nobody is taken from a group who is out of scope, or who is neither known now nor known to be gone.
const IS_TO_CHANGE = `case
  when h.id is not null then not c.is_desired or not c.is_present
  else c.is_present and not c.has_account end`

// What is said twice of an enrollment here says nothing else. $1: the provider.
function currentEnrollments({ runId, overlays }: PlanOptions): string {
  const staged = nameRosterStaging(runId, 'enrollments')
  const met = metRecords(runId, ['enrollments'])
  const known = 'select b.section_id, b.user_id, b.role, b.begin_date, b.end_date'
  const held = overlays.has('enrollments')
    ? `${known} from roster_enrollments b
       where b.provider_id = $1::uuid
         and not exists (select from ${staged} s where s.id = b.id)
         and not exists (
           select from ${staged} s where s.id is null and s.section_id = b.section_id)`
    : `${known} from roster_enrollments b
       join (
         select id from ${met} m where m.is_read
         union all
         select id from ${met} m
         where not m.is_read and not exists (select from ${staged} s where s.id = m.id)
       ) m on m.id = b.id
       where b.provider_id = $1::uuid`
  return `select section_id, user_id, role, begin_date, end_date
    from ${staged} where id is not null and not is_removed
    union all ${held}`
}
