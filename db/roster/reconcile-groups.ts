import type { AppliedGroup } from '../../core/roster/reconcile-groups.ts'
import type { Queryable } from '../client.ts'
import type { RosterReconcile } from './reconciles.ts'

// Members with accounts; who was on a page of people, or has an account again, is present.
const GROUPS = `
  select g.type, g.id, g.scim_id as "scimId", g.external_id as "externalId",
    g.display_name as "displayName",
    coalesce(jsonb_object_agg(a.id, a.scim_id) filter (where a.id is not null), '{}') as members,
    coalesce(array_agg(a.scim_id) filter (where exists (
      select from roster_reconcile_seen s
      where s.reconcile_id = $2::uuid and not s.is_group and s.scim_id = a.scim_id
    ) or exists (
      select from roster_drifts d
      where d.reconcile_id = $2::uuid and d.type = 'users' and d.kind = 'missing' and d.id = a.id
        and d.outcome = 'repaired')), '{}') as present
  from roster_groups g
  left join roster_members m
    on m.provider_id = g.provider_id and m.type = g.type and m.group_id = g.id
  left join roster_accounts a on a.provider_id = m.provider_id and a.id = m.user_id`

/** True when the provider has written any group. */
export async function hasAppliedGroups(db: Queryable, providerId: string): Promise<boolean> {
  const { rows } = await db.query<{ has: boolean }>(
    'select exists (select from roster_groups where provider_id = $1::uuid) as has',
    [providerId],
  )
  return rows[0]?.has === true
}

/** What was applied to these groups of a target. */
export async function listAppliedGroups(
  db: Queryable,
  { id, providerId }: RosterReconcile,
  scimIds: readonly string[],
): Promise<AppliedGroup[]> {
  const { rows } = await db.query<AppliedGroup>(
    `${GROUPS}
     where g.provider_id = $1::uuid and g.scim_id = any ($3::text[])
     group by g.provider_id, g.type, g.id`,
    [providerId, id, scimIds],
  )
  return rows
}

/** The next groups that no page has shown, by type and id. */
export async function listUnseenGroups(
  db: Queryable,
  { id, providerId, afterId }: RosterReconcile,
  limit: number,
): Promise<AppliedGroup[]> {
  const { rows } = await db.query<AppliedGroup>(
    `${GROUPS}
     where g.provider_id = $1::uuid
       and ($3::text is null or g.type || '/' || g.id > $3::text)
       and not exists (
         select from roster_reconcile_seen s
         where s.reconcile_id = $2::uuid and s.is_group and s.scim_id = g.scim_id)
     group by g.provider_id, g.type, g.id
     order by g.type || '/' || g.id
     limit $4::integer`,
    [providerId, id, afterId, limit],
  )
  return rows
}

/** Which of these are accounts of the provider, by the target's ids. */
export async function listOwnAccounts(
  db: Queryable,
  providerId: string,
  scimIds: readonly string[],
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select scim_id as id from roster_accounts
     where provider_id = $1::uuid and scim_id = any ($2::text[])`,
    [providerId, scimIds],
  )
  return rows.map(({ id }) => id)
}
