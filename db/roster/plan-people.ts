import type { Queryable } from '../client.ts'
import { finishPerson } from './finish-person.ts'
import { metRecords } from './known.ts'
import {
  isTypeSelected,
  listScopeParameters,
  markOf,
  personScope,
  type PlanOptions,
} from './plan-scope.ts'
import { nameRosterStaging } from './staging.ts'

// A name with the mark of its person's id; an e-mail address stays one.
const SUFFIXED = (name: string, id: string): string =>
  `case when ${name} like '%@%'
     then regexp_replace(${name}, '@([^@]*)$', '-' || ${markOf(id)} || '@\\1')
     else ${name} || '-' || ${markOf(id)} end`

/** The schools of everybody in `plan_people`; most have one. */
export const SCHOOLS_OF_PEOPLE = `
  select id, school, is_holder from plan_people where school is not null
  union all
  select id, s.school, is_holder from plan_people
  cross join lateral jsonb_array_elements_text(other_schools) as s (school)
  where other_schools is not null`

/**
 * Everybody of the roster as the source has them now, in `plan_people`, of whom `fault` says why
 * somebody can't be named; `is_same` that their account is as it is to be, whoever else has their
 * name; `is_holder` that they are in groups. In `plan_leavers`: accounts that are to be deactivated.
 */
export async function planPeople(tx: Queryable, options: PlanOptions): Promise<void> {
  await gatherPeople(tx, options)
  await namePeople(tx, options)
  await insertWrites(tx, options)
  await gatherLeavers(tx, options)
}

// What is known of somebody says what was to be of their account: mostly, that is what it is.
async function gatherPeople(tx: Queryable, options: PlanOptions): Promise<void> {
  const { runId, providerId, selection, overlays } = options
  const staged = nameRosterStaging(runId, 'users')
  const isMet = `exists (
    select from ${metRecords(runId, ['users'])} m where m.id = u.id and m.is_read)`
  const isUnreadable = `exists (
    select from ${metRecords(runId, ['users'])} m where m.id = u.id and not m.is_read)`
  const inScope = `$4::boolean and ${personScope('p.record', 1)}`
  const columns = `id, user_name, is_wanted, record, person, record -> 'schoolIds' as school_ids`
  await tx.query(
    `create temporary table plan_people on commit drop as
     select p.id, case when p.is_wanted then p.user_name end as name, p.school_ids ->> 0 as school,
       case when jsonb_array_length(p.school_ids) > 1 then p.school_ids - 0 end as other_schools,
       p.person -> 'enterprise' ->> 'division' as division,
       case when p.is_wanted and p.user_name is null then 'no_user_name' end as fault,
       p.is_wanted, p.is_staged, p.is_read, p.is_same, ${inScope} as in_scope,
       p.is_wanted and ${inScope} as is_holder
     from (
       select *, true as is_staged, true as is_read, false as is_same
       from (select ${columns} from ${staged} where not is_removed offset 0) s
       union all
       select b.*, coalesce(a.person = b.person, false)
       from (
         select ${columns}, false as is_staged, true as is_read from roster_users u
         where provider_id = $5::uuid and ${isMet}
         union all
         select ${columns}, false, false from roster_users u
         where provider_id = $5::uuid and not ${isMet} ${overlays.has('users') ? '' : `and ${isUnreadable}`}
       ) b
       left join roster_accounts a on a.provider_id = $5::uuid and a.id = b.id
       where not exists (select from ${staged} s where s.id = b.id)
     ) p`,
    [...listScopeParameters(selection), isTypeSelected(selection, 'users'), providerId],
  )
  await tx.query(
    `analyze plan_people (id, other_schools, fault, is_wanted, is_staged, is_same, is_holder)`,
  )
  const isSchool = `exists (
    select from plan_records g
    where g.collection = 'schools' and g.id = p.school and g.name = coalesce(p.division, g.name))`
  await tx.query(
    `update plan_people p set is_same = false where is_same and division is not null and not ${isSchool}`,
  )
  await tx.query(
    `update plan_people p set is_same = false where is_same and division is null and ${isSchool}`,
  )
}

// Of several who have a name, one keeps it.
async function namePeople(tx: Queryable, { onCollision, providerId }: PlanOptions): Promise<void> {
  await tx.query(
    `create temporary table plan_doubles on commit drop as
     select id, ${SUFFIXED('name', 'id')} as name
     from (
       select p.id, p.name,
         row_number() over (partition by lower(p.name) order by p.id collate "C") as rank
       from plan_people p
       join (
         select lower(name) as folded from plan_people where name is not null
         group by 1 having count(*) > 1
       ) d on d.folded = lower(p.name)
     ) ranked
     where rank > 1`,
  )
  await tx.query(
    `update plan_people p set name = d.name, is_same = false from plan_doubles d where d.id = p.id`,
  )
  // With its mark, too, a name may be somebody's: nobody is left to tell them apart.
  const isTaken = `exists (
    select from plan_people o where lower(o.name) = lower(d.name) and o.id <> d.id)`
  await tx.query(
    `update plan_people p set fault = 'user_name_taken'
     from plan_doubles d
     where d.id = p.id ${onCollision === 'quarantine' ? '' : `and ${isTaken}`}`,
  )
  // Who can't be named keeps the account there is, and its groups.
  await tx.query(
    `update plan_people p set is_holder = false
     where fault is not null and not exists (
       select from roster_accounts a
       where a.provider_id = $1::uuid and a.id = p.id and a.is_active)`,
    [providerId],
  )
}

async function insertWrites(tx: Queryable, { runId, providerId }: PlanOptions): Promise<void> {
  await tx.query(
    `with wanted as materialized (
       select p.id, ${finishPerson('coalesce(s.person, b.person)', 'p.name', 'g.name')} as person
       from plan_people p
       left join ${nameRosterStaging(runId, 'users')} s on p.is_staged and s.id = p.id
       left join roster_users b
         on not p.is_staged and b.provider_id = $1::uuid and b.id = p.id
       left join plan_records g on g.collection = 'schools' and g.id = p.school
       where p.is_wanted and p.in_scope and p.fault is null and not p.is_same
     )
     insert into plan_changes (op, type, id, before, after)
     select case when a.id is null then 'create' else 'update' end, 'users', w.id,
       case when a.id is not null then (
         select coalesce(jsonb_object_agg(o.key, o.value), '{}') from jsonb_each(a.person) o
         where w.person -> o.key is distinct from o.value) end,
       case when a.id is null then w.person else (
         select coalesce(jsonb_object_agg(o.key, o.value), '{}') from jsonb_each(w.person) o
         where a.person -> o.key is distinct from o.value) end
     from wanted w
     left join roster_accounts a on a.provider_id = $1::uuid and a.id = w.id
     where a.id is null or a.person is distinct from w.person`,
    [providerId],
  )
}

async function gatherLeavers(tx: Queryable, options: PlanOptions): Promise<void> {
  const { runId, providerId, selection, addsOnly, endsAbsent } = options
  const staged = nameRosterStaging(runId, 'users')
  const scope = [...listScopeParameters(selection), isTypeSelected(selection, 'users')]
  await tx.query(
    `create temporary table plan_leavers on commit drop as
     select a.id, a.is_active, a.person, a.deactivated_at, a.school_ids
     from roster_accounts a
     left join roster_users b on b.provider_id = a.provider_id and b.id = a.id
     left join plan_people p on p.id = a.id
     where a.provider_id = $5::uuid
       and not exists (select from plan_people w where w.id = a.id and w.is_wanted)
       and ($6::boolean or p.id is not null
         or exists (select from ${staged} s where s.id = a.id and s.is_removed))
       and not (p.id is null and exists (
         select from roster_errors e
         where e.run_id = $7::uuid and e.entity = 'users' and e.id = a.id))
       and case when p.id is not null then p.in_scope else $4::boolean
         and ${personScope(KNOWN_RECORD, 1)} end`,
    [...scope, providerId, endsAbsent.has('users'), runId],
  )
  await tx.query('analyze plan_leavers (id)')
  if (!addsOnly) await insertEndings(tx, options)
  await freeNames(tx, options)
}

// What is known of somebody who is gone: the source's last word, else what was applied.
const KNOWN_RECORD = `coalesce(b.record, jsonb_build_object('schoolIds', to_jsonb(a.school_ids),
  'grades', '[]'::jsonb, 'roles', jsonb_path_query_array(a.person, '$.roles[*].value')))`

async function insertEndings(tx: Queryable, { deleteBefore }: PlanOptions): Promise<void> {
  await tx.query(
    `insert into plan_changes (op, type, id, before, after)
     select case when is_active then 'deactivate' else 'delete' end, 'users', id,
       case when is_active then '{"active": true}'::jsonb end,
       case when is_active then '{"active": false}'::jsonb end
     from plan_leavers
     where is_active or deactivated_at < $1::timestamptz`,
    [deleteBefore ?? null],
  )
}

// The account of somebody who is gone keeps no name that a person of the roster is to have.
async function freeNames(tx: Queryable, { addsOnly }: PlanOptions): Promise<void> {
  await tx.query(
    `insert into plan_changes (op, type, id, before, after)
     select 'update', 'users', l.id, jsonb_build_object('userName', l.person -> 'userName'),
       jsonb_build_object('userName', ${SUFFIXED("(l.person ->> 'userName')", 'l.id')})
     from plan_leavers l
     where not ($1::boolean and l.is_active)
       and exists (select from plan_people p where lower(p.name) = lower(l.person ->> 'userName'))
       and not exists (
         select from plan_changes c where c.type = 'users' and c.id = l.id and c.op = 'delete')`,
    [addsOnly],
  )
}
