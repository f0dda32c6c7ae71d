import type { Queryable } from '../client.ts'
import { metRecords, RECORDS } from './known.ts'
import {
  groupScope,
  isTypeSelected,
  listScopeParameters,
  markOf,
  type PlanOptions,
} from './plan-scope.ts'
import { sharesTarget } from './shared-target.ts'
import { nameRosterStaging } from './staging.ts'

/** Schools, terms, courses and sections as the source has them now, in `plan_records`. */
export async function gatherRecords(tx: Queryable, options: PlanOptions): Promise<void> {
  const { runId, providerId, selection, overlays } = options
  const staged = nameRosterStaging(runId, 'records')
  const scope = [
    ...listScopeParameters(selection),
    isTypeSelected(selection, 'schools'),
    isTypeSelected(selection, 'sections'),
  ]
  const inScope = (row: string): string =>
    `case ${row}.collection when 'schools' then $4::boolean and ${groupScope(row, 1)}
      when 'sections' then $5::boolean and ${groupScope(row, 1)} else false end`
  await tx.query(
    `create temporary table plan_records (
       collection text not null, id text not null, name text, in_scope boolean not null,
       is_read boolean not null
     ) on commit drop`,
  )
  await tx.query(
    `insert into plan_records
     select s.collection, s.id, s.record ->> 'name', ${inScope('s')}, true from ${staged} s where not s.is_removed`,
    scope,
  )
  await tx.query(
    `insert into plan_records
     select b.collection, b.id, b.record ->> 'name', ${inScope('b')}, coalesce(m.is_read, false)
     from roster_records b
     left join (
       select collection, id, bool_or(is_read) as is_read
       from ${metRecords(runId, RECORDS)} r
       group by collection, id
     ) m on m.collection = b.collection and m.id = b.id
     where b.provider_id = $6::uuid and (m.id is not null or b.collection = any ($7::text[]))
       and not exists (
         select from ${staged} s where s.collection = b.collection and s.id = b.id)`,
    [...scope, providerId, [...overlays]],
  )
  await tx.query('analyze plan_records (collection, id)')
}

/**
 * What is to become of the groups: no two of them have the same name, whatever its case, nor the name
 * of a group of another provider of the tenant that writes to the same target.
 */
export async function planGroups(tx: Queryable, options: PlanOptions): Promise<void> {
  await tx.query(
    `create temporary table plan_groups (
       type text not null, id text not null, in_scope boolean not null, is_read boolean not null,
       name text
     ) on commit drop`,
  )
  await tx.query(
    `with named as (
       select type, id, in_scope, is_read,
         case when rank = 1 then name else name || ' (' || ${markOf('id')} || ')' end as name
       from (
         select collection as type, id, in_scope, is_read, name, row_number() over (
           partition by lower(name) order by collection collate "C", id collate "C"
         ) as rank
         from plan_records where collection in ('schools', 'sections')
       ) ranked
     ),
     taken as (${NAMES_OF_OTHERS})
     insert into plan_groups
     select n.type, n.id, n.in_scope, n.is_read,
       case when t.name is null or (g.display_name = n.name and not t.goes_first) then n.name
         else n.name || ' (' || ${markOf('$2::text || n.id')} || ')' end
     from named n
     left join taken t on t.name = lower(n.name)
     left join roster_groups g on g.provider_id = $1::uuid and g.type = n.type and g.id = n.id`,
    [options.providerId, options.externalIdPrefix],
  )
  await tx.query('analyze plan_groups')
  await insertWrites(tx, options)
  if (!options.addsOnly) await insertDeletions(tx, options)
}

// Who has a name keeps it; where both have it, as targets may take one twice, the older provider does.
const NAMES_OF_OTHERS = `
  select lower(g.display_name) as name,
    bool_or((other.created_at, other.id) < (own.created_at, own.id)) as goes_first
  from roster_providers own
  join roster_providers other on ${sharesTarget('own', 'other')}
  join roster_groups g on g.provider_id = other.id
  where own.id = $1::uuid
  group by 1`

async function insertWrites(
  tx: Queryable,
  { providerId, externalIdPrefix }: PlanOptions,
): Promise<void> {
  await tx.query(
    `insert into plan_changes (op, type, id, before, after)
     select case when g.id is null then 'create' else 'update' end, p.type, p.id,
       case when g.id is not null then jsonb_build_object('displayName', g.display_name) end,
       case when g.id is null
         then jsonb_build_object('externalId', $2::text || p.id, 'displayName', p.name)
         else jsonb_build_object('displayName', p.name) end
     from plan_groups p
     left join roster_groups g on g.provider_id = $1::uuid and g.type = p.type and g.id = p.id
     where p.in_scope and (g.id is null or g.display_name <> p.name)`,
    [providerId, externalIdPrefix],
  )
}

async function insertDeletions(tx: Queryable, options: PlanOptions): Promise<void> {
  const { runId, providerId, selection, endsAbsent } = options
  const staged = nameRosterStaging(runId, 'records')
  await tx.query(
    `insert into plan_changes (op, type, id, before)
     select 'delete', g.type, g.id, jsonb_build_object('displayName', g.display_name)
     from roster_groups g
     left join roster_records b
       on b.provider_id = g.provider_id and b.collection = g.type and b.id = g.id
     where g.provider_id = $4::uuid
       and not exists (select from plan_groups p where p.type = g.type and p.id = g.id)
       and not exists (
         select from roster_errors e
         where e.run_id = $5::uuid and e.entity = g.type and e.id = g.id)
       and (g.type = any ($6::text[]) or exists (
         select from ${staged} s where s.collection = g.type and s.id = g.id and s.is_removed))
       and g.type = any ($7::text[])
       and (b.id is not null and ${groupScope('b', 1)} or b.id is null and $1::text[] is null)`,
    [
      ...listScopeParameters(selection),
      providerId,
      runId,
      [...endsAbsent],
      (['schools', 'sections'] as const).filter((type) => isTypeSelected(selection, type)),
    ],
  )
}
