import type { RosterType } from '../../core/roster/run.ts'
import type { ScimPerson } from '../../core/roster/target.ts'
import type { Queryable } from '../client.ts'
import type { Members } from './apply.ts'

export type SettledPerson = {
  readonly id: string
  readonly scimId: string
  /** As the target has accepted them. */
  readonly person: ScimPerson
}

/**
 * Notes accounts that were made or changed, each with what was accepted. One that was made anew is in
 * no group and entitled to nothing.
 */
export async function saveAccounts(
  tx: Queryable,
  providerId: string,
  people: readonly SettledPerson[],
): Promise<void> {
  await tx.query(
    `delete from roster_members m
     using roster_accounts a, jsonb_to_recordset($2::jsonb) as p (id text, "scimId" text)
     where a.provider_id = $1::uuid and a.id = p.id and a.scim_id <> p."scimId"
       and m.provider_id = a.provider_id and m.user_id = a.id`,
    [providerId, JSON.stringify(people)],
  )
  await tx.query(
    `insert into roster_accounts
       (provider_id, id, external_id, scim_id, person, is_active, deactivated_at)
     select $1::uuid, p.id, p.person ->> 'externalId', p."scimId", p.person,
       (p.person -> 'active')::boolean,
       case when (p.person -> 'active')::boolean then null else clock_timestamp() end
     from jsonb_to_recordset($2::jsonb) as p (id text, "scimId" text, person jsonb)
     on conflict (provider_id, id) do update
     set external_id = excluded.external_id, scim_id = excluded.scim_id, person = excluded.person,
       is_active = excluded.is_active, parked_from = null,
       entitlements = case when roster_accounts.scim_id = excluded.scim_id
         then roster_accounts.entitlements else '{}' end,
       deactivated_at = case when excluded.is_active then null
         else coalesce(roster_accounts.deactivated_at, excluded.deactivated_at) end`,
    [providerId, JSON.stringify(people)],
  )
}

/** Notes accounts that are not active any more. */
export async function noteDeactivated(
  tx: Queryable,
  providerId: string,
  ids: readonly string[],
): Promise<void> {
  await tx.query(
    `update roster_accounts
     set is_active = false, deactivated_at = clock_timestamp(),
       person = person || '{"active": false}'
     where provider_id = $1::uuid and id = any ($2::text[])`,
    [providerId, ids],
  )
}

/** Forgets accounts that were deleted, and their memberships. */
export async function forgetAccounts(
  tx: Queryable,
  providerId: string,
  ids: readonly string[],
): Promise<void> {
  const gone = [providerId, ids]
  await tx.query(
    'delete from roster_members where provider_id = $1::uuid and user_id = any ($2::text[])',
    gone,
  )
  await tx.query(
    'delete from roster_accounts where provider_id = $1::uuid and id = any ($2::text[])',
    gone,
  )
}

export type SettledGroup = {
  readonly type: RosterType
  readonly id: string
  readonly scimId: string
  readonly externalId: string
  readonly displayName: string
}

/** Notes groups that were made or renamed; one that was made anew has no members. */
export async function saveGroups(
  tx: Queryable,
  providerId: string,
  groups: readonly SettledGroup[],
): Promise<void> {
  await tx.query(
    `delete from roster_members m
     using roster_groups g, jsonb_to_recordset($2::jsonb) as n (type text, id text, "scimId" text)
     where g.provider_id = $1::uuid and g.type = n.type and g.id = n.id and g.scim_id <> n."scimId"
       and m.provider_id = g.provider_id and m.type = g.type and m.group_id = g.id`,
    [providerId, JSON.stringify(groups)],
  )
  await tx.query(
    `insert into roster_groups (provider_id, type, id, external_id, scim_id, display_name)
     select $1::uuid, g.type, g.id, g."externalId", g."scimId", g."displayName"
     from jsonb_to_recordset($2::jsonb)
       as g (type text, id text, "externalId" text, "scimId" text, "displayName" text)
     on conflict (provider_id, type, id) do update
     set external_id = excluded.external_id, scim_id = excluded.scim_id,
       display_name = excluded.display_name`,
    [providerId, JSON.stringify(groups)],
  )
}

/** Forgets groups that were deleted, with their members. */
export async function forgetGroups(
  tx: Queryable,
  providerId: string,
  groups: readonly Pick<SettledGroup, 'type' | 'id'>[],
): Promise<void> {
  await tx.query(
    `delete from roster_groups g using jsonb_to_recordset($2::jsonb) as d (type text, id text)
     where g.provider_id = $1::uuid and g.type = d.type and g.id = d.id`,
    [providerId, JSON.stringify(groups)],
  )
}

export type SettledMembers = {
  readonly type: RosterType
  readonly id: string
  readonly add: readonly string[]
  readonly remove: Members
}

/** Notes who was added to groups and who was taken out. */
export async function saveMembers(
  tx: Queryable,
  providerId: string,
  groups: readonly SettledMembers[],
): Promise<void> {
  const added = groups.map(({ type, id, add }) => ({ type, id, add }))
  await tx.query(
    `insert into roster_members (provider_id, type, group_id, user_id)
     select $1::uuid, g.type, g.id, m.user_id
     from jsonb_to_recordset($2::jsonb) as g (type text, id text, add text[])
     cross join unnest(g.add) as m (user_id)
     on conflict do nothing`,
    [providerId, JSON.stringify(added)],
  )
  for (const { type, id, remove } of groups) {
    if (remove.size === 0) continue
    await tx.query(
      `delete from roster_members
       where provider_id = $1::uuid and type = $2::text and group_id = $3::text
         and user_id = any ($4::text[])`,
      [providerId, type, id, [...remove.keys()]],
    )
  }
}

/** Notes what became of changes. */
export async function settleChanges(
  tx: Queryable,
  runId: string,
  {
    changes,
    state,
  }: { readonly changes: readonly number[]; readonly state: 'done' | 'failed' | 'left' },
): Promise<void> {
  if (changes.length === 0) return
  await tx.query(
    `update roster_changes set state = $3::text
     where run_id = $1::uuid and change = any ($2::bigint[])`,
    [runId, changes, state],
  )
}

export type ChangeSum = {
  readonly type: RosterType
  readonly created: number
  readonly updated: number
  readonly deactivated: number
}

/** What of a run's changes is done, by type. */
export async function sumDoneChanges(db: Queryable, runId: string): Promise<ChangeSum[]> {
  const { rows } = await db.query<ChangeSum>(
    `select type, count(*) filter (where op = 'create') as created,
       count(*) filter (where op = 'update') as updated,
       count(*) filter (where op in ('deactivate', 'delete')) as deactivated
     from roster_changes where run_id = $1::uuid and state = 'done'
     group by type`,
    [runId],
  )
  return rows
}
