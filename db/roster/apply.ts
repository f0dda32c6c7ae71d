import { applyDifference } from '../../core/roster/change.ts'
import type { RosterType } from '../../core/roster/run.ts'
import type { GroupOrder, MembersOrder, PersonOrder, ScimPerson } from '../../core/roster/target.ts'
import type { Queryable } from '../client.ts'

export type ChangePage = {
  readonly runId: string
  readonly providerId: string
  readonly after: number
  readonly limit: number
  /** These alone. */
  readonly changes?: readonly number[]
  /** Leaves out those who are deactivated by the same plan. */
  readonly withoutLeavers?: boolean
}

/** A change that is to be done, and its order; none where there is nothing to do it to. */
export type PendingChange<O> = {
  readonly change: number
  readonly type: RosterType
  readonly order: O | undefined
}

type PersonRow = {
  readonly change: number
  readonly id: string
  readonly before: object | null
  readonly after: object | null
  readonly scimId: string | null
  readonly externalId: string | null
  readonly person: ScimPerson | null
}

/** The next changes of people of one kind that are not done, in order. */
export async function listPendingPeople(
  db: Queryable,
  page: ChangePage & { readonly op: 'create' | 'update' | 'deactivate' | 'delete' },
): Promise<PendingChange<PersonOrder>[]> {
  const { op } = page
  const { rows } = await db.query<PersonRow>(
    `select c.change, c.id, c.before, c.after, a.scim_id as "scimId",
       a.external_id as "externalId", a.person
     from roster_changes c
     left join roster_accounts a on a.provider_id = $2::uuid and a.id = c.id
     where c.run_id = $1::uuid and c.state = 'pending' and c.type = 'users'
       and c.op = $3::text and c.change > $4::bigint
       and not ($6::boolean and exists (
         select from roster_changes l
         where l.run_id = c.run_id and l.type = 'users' and l.id = c.id
           and l.op = 'deactivate'))
       and ($7::bigint[] is null or c.change = any ($7::bigint[]))
     order by c.change
     limit $5::integer`,
    [
      page.runId,
      page.providerId,
      op,
      page.after,
      page.limit,
      page.withoutLeavers ?? false,
      page.changes ?? null,
    ],
  )
  return rows.map((row) => ({
    change: row.change,
    type: 'users',
    order: toPersonOrder(row, op),
  }))
}

function toPersonOrder(
  { id, before, after, scimId, externalId, person }: PersonRow,
  op: PersonOrder['op'],
): PersonOrder | undefined {
  // What a plan creates is a whole person.
  if (op === 'create') return { op, id, after: after as ScimPerson }
  if (scimId === null || externalId === null || person === null) return undefined
  if (op === 'deactivate') return { op, id, scimId, externalId }
  if (op === 'delete') return { op, id, scimId }
  const difference = { before: before ?? {}, after: after ?? {} }
  return { op: 'update', id, scimId, before: person, after: applyDifference(person, difference) }
}

type GroupRow = {
  readonly change: number
  readonly op: 'create' | 'update' | 'delete'
  readonly type: 'schools' | 'sections'
  readonly id: string
  readonly after: { readonly externalId?: string; readonly displayName: string } | null
  readonly scimId: string | null
  readonly externalId: string | null
  readonly displayName: string | null
}

/** The next changes of groups themselves that are not done, in order. */
export async function listPendingGroups(
  db: Queryable,
  page: ChangePage & { readonly op: 'create' | 'update' | 'delete' },
): Promise<PendingChange<GroupOrder>[]> {
  const { rows } = await db.query<GroupRow>(
    `select c.change, c.op, c.type, c.id, c.after, g.scim_id as "scimId",
       g.external_id as "externalId", g.display_name as "displayName"
     from roster_changes c
     left join roster_groups g
       on g.provider_id = $2::uuid and g.type = c.type and g.id = c.id
     where c.run_id = $1::uuid and c.state = 'pending' and c.type <> 'users'
       and c.op = $3::text and c.change > $4::bigint
     order by c.change
     limit $5::integer`,
    [page.runId, page.providerId, page.op, page.after, page.limit],
  )
  return rows.map((row) => ({ change: row.change, type: row.type, order: toGroupOrder(row) }))
}

function toGroupOrder(row: GroupRow): GroupOrder | undefined {
  const { op, id, after, scimId, externalId, displayName } = row
  if (op === 'create') {
    if (after?.externalId === undefined) return undefined
    return { op, id, after: { externalId: after.externalId, displayName: after.displayName } }
  }
  if (scimId === null || externalId === null || displayName === null) return undefined
  if (op === 'delete') return { op, id, scimId }
  if (!after) return undefined
  return {
    op,
    id,
    scimId,
    before: { externalId, displayName },
    after: { externalId, displayName: after.displayName },
  }
}

/** Members by the source's ids beside the target's. */
export type Members = ReadonlyMap<string, string>

export type PendingMembers = PendingChange<MembersOrder> & {
  readonly id: string
  readonly add: Members
  readonly remove: Members
  /** Some of the change is left for later. */
  readonly isPart: boolean
}

type MembersRow = {
  readonly change: number
  readonly type: 'schools' | 'sections'
  readonly id: string
  readonly scimId: string | null
  readonly add: Readonly<Record<string, string>> | null
  readonly remove: Readonly<Record<string, string>> | null
  readonly leaving: number
}

/**
 * The next changes of members that are not done, in order: whoever has an account by now and is not
 * in the group yet, and whoever is still in it.
 */
export async function listPendingMembers(
  db: Queryable,
  page: ChangePage,
): Promise<PendingMembers[]> {
  const { rows } = await db.query<MembersRow>(
    `select c.change, c.type, c.id, g.scim_id as "scimId", added.members as add,
       removed.members as remove, coalesce(removed.leaving, 0) as leaving
     from roster_changes c
     left join roster_groups g
       on g.provider_id = $2::uuid and g.type = c.type and g.id = c.id
     left join lateral (
       select jsonb_object_agg(a.id, a.scim_id) as members
       from jsonb_array_elements_text(c.after -> 'add') as m (id)
       cross join lateral (
         select a.id, a.scim_id from roster_accounts a
         where a.provider_id = $2::uuid and a.id = m.id
         -- So that accounts are looked up for members, never the other way round.
         offset 0
       ) a
       where not exists (
         select from roster_members x
         where x.provider_id = $2::uuid and x.type = c.type and x.group_id = c.id
           and x.user_id = a.id)
     ) added on true
     left join lateral (
       select jsonb_object_agg(x.user_id, a.scim_id) filter (where not l.is_leaving) as members,
         count(*) filter (where l.is_leaving) as leaving
       from jsonb_array_elements_text(c.after -> 'remove') as m (id)
       join roster_members x
         on x.provider_id = $2::uuid and x.type = c.type and x.group_id = c.id
         and x.user_id = m.id
       join roster_accounts a on a.provider_id = $2::uuid and a.id = m.id
       cross join lateral (
         select $5::boolean and exists (
           select from roster_changes d
           where d.run_id = $1::uuid and d.type = 'users' and d.op = 'deactivate'
             and d.state = 'pending' and d.id = m.id) as is_leaving
       ) l
     ) removed on true
     where c.run_id = $1::uuid and c.state = 'pending' and c.op = 'members'
       and c.change > $3::bigint
     order by c.change
     limit $4::integer`,
    [page.runId, page.providerId, page.after, page.limit, page.withoutLeavers ?? false],
  )
  return rows.map(toPendingMembers)
}

function toPendingMembers({ add, remove, leaving, ...row }: MembersRow): PendingMembers {
  const { change, type, id, scimId } = row
  const added = new Map(Object.entries(add ?? {}))
  const removed = new Map(Object.entries(remove ?? {}))
  const order = { id, add: [...added.values()], remove: [...removed.values()] }
  return {
    change,
    type,
    id,
    add: added,
    remove: removed,
    isPart: leaving > 0,
    order: scimId === null ? undefined : { ...order, scimId },
  }
}
