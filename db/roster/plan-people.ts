import type { Queryable } from '../client.ts'
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

/**
 * Everybody of the roster as the source has them now, in `plan_people`: `person` is whole, `fault`
 * says why somebody can't be named. In `plan_leavers`: accounts that are to be deactivated.
 */
export async function planPeople(tx: Queryable, options: PlanOptions): Promise<void> {
  await gatherPeople(tx, options)
  await namePeople(tx, options)
  await gatherLeavers(tx, options)
}

async function gatherPeople(tx: Queryable, options: PlanOptions): Promise<void> {
  const { runId, providerId, selection, overlays } = options
  const staged = nameRosterStaging(runId, 'users')
  await tx.query(
    `create temporary table plan_people (
       id text not null, person jsonb not null, user_name text, is_wanted boolean not null,
       school_ids jsonb not null, in_scope boolean not null, is_read boolean not null, fault text
     ) on commit drop`,
  )
  const scope = [...listScopeParameters(selection), isTypeSelected(selection, 'users')]
  await tx.query(
    `insert into plan_people (id, person, user_name, is_wanted, school_ids, in_scope, is_read)
     select s.id, s.person, s.user_name, s.is_wanted, s.record -> 'schoolIds',
       $4::boolean and ${personScope('s.record', 1)}, true
     from ${staged} s where not s.is_removed`,
    scope,
  )
  await tx.query(
    `insert into plan_people (id, person, user_name, is_wanted, school_ids, in_scope, is_read)
     select b.id, b.person, b.user_name, b.is_wanted, b.record -> 'schoolIds',
       $4::boolean and ${personScope('b.record', 1)}, coalesce(m.is_read, false)
     from roster_users b
     left join (
       select id, bool_or(is_read) as is_read from ${metRecords(runId, ['users'])} r group by id
     ) m on m.id = b.id
     where b.provider_id = $5::uuid and (m.id is not null or $6::boolean)
       and not exists (select from ${staged} s where s.id = b.id)`,
    [...scope, providerId, overlays.has('users')],
  )
  await tx.query('analyze plan_people (id, user_name, is_wanted)')
}

async function namePeople(tx: Queryable, { onCollision, providerId }: PlanOptions): Promise<void> {
  await tx.query(
    `create temporary table plan_names on commit drop as
     select id, case when rank = 1 then user_name else ${SUFFIXED('user_name', 'id')} end as name,
       rank > 1 as is_suffixed
     from (
       select id, user_name,
         row_number() over (partition by lower(user_name) order by id collate "C") as rank
       from plan_people where is_wanted and user_name is not null
     ) ranked`,
  )
  await tx.query('analyze plan_names')
  // With its mark, too, a name may be somebody's: nobody is left to tell them apart.
  await tx.query(
    `update plan_people p
     set fault = case when n.id is null then 'no_user_name' else 'user_name_taken' end
     from plan_people q left join plan_names n on n.id = q.id
     where p.id = q.id and p.is_wanted and (n.id is null or (n.is_suffixed and ($1::boolean
       or exists (select from plan_names o
         where lower(o.name) = lower(n.name) and o.id <> n.id))))`,
    [onCollision === 'quarantine'],
  )
  await tx.query(
    `create temporary table plan_wanted on commit drop as
     select p.id, p.in_scope, p.school_ids,
       p.person || case when g.record is null then jsonb_build_object('userName', n.name)
         else jsonb_build_object('userName', n.name, 'enterprise',
           (p.person -> 'enterprise') || jsonb_build_object('division', g.record -> 'name'))
         end as person
     from plan_people p
     join plan_names n on n.id = p.id
     left join plan_records g on g.collection = 'schools' and g.id = p.school_ids ->> 0
     where p.is_wanted and p.fault is null`,
  )
  await tx.query('analyze plan_wanted (id, in_scope)')
  await tx.query(
    `insert into plan_changes (op, type, id, before, after)
     select case when a.id is null then 'create' else 'update' end, 'users', w.id,
       case when a.id is not null then (
         select coalesce(jsonb_object_agg(o.key, o.value), '{}') from jsonb_each(a.person) o
         where w.person -> o.key is distinct from o.value) end,
       case when a.id is null then w.person else (
         select coalesce(jsonb_object_agg(o.key, o.value), '{}') from jsonb_each(w.person) o
         where a.person -> o.key is distinct from o.value) end
     from plan_wanted w
     left join roster_accounts a on a.provider_id = $1::uuid and a.id = w.id
     where w.in_scope and (a.id is null or a.person is distinct from w.person)`,
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
       and not coalesce(p.is_wanted, false)
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
       and exists (select from plan_names n where lower(n.name) = lower(l.person ->> 'userName'))
       and not exists (
         select from plan_changes c where c.type = 'users' and c.id = l.id and c.op = 'delete')`,
    [addsOnly],
  )
}
