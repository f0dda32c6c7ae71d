import type { Person } from '../../core/approval/approval.ts'
import { loginKey } from '../../core/user/login.ts'
import type { Queryable } from '../client.ts'

/** Makes a group; false when it was there. */
export async function createGroup(tx: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into groups (name) values ($1::text) on conflict do nothing',
    [name],
  )
  return rowCount === 1
}

/** True when there is a group of this name. */
export async function hasGroup(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query('select 1 from groups where name = $1::text', [name])
  return rowCount === 1
}

export type Membership = { readonly group: string; readonly userId: string }

/** Adds a person to a group; false when they belonged to it. */
export async function addMember(tx: Queryable, { group, userId }: Membership): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into group_members (group_name, user_id)
     values ($1::text, $2::uuid)
     on conflict do nothing`,
    [group, userId],
  )
  return rowCount === 1
}

/** Takes a person out of a group; false when they did not belong to it. */
export async function removeMember(tx: Queryable, { group, userId }: Membership): Promise<boolean> {
  const { rowCount } = await tx.query(
    'delete from group_members where group_name = $1::text and user_id = $2::uuid',
    [group, userId],
  )
  return rowCount === 1
}

export type Member = {
  readonly login: string
  readonly name: string
  readonly status: 'active' | 'disabled'
}

/** A page of a group's members by login, disabled ones too; `after` is the key of the last login seen. */
export async function listMembers(
  db: Queryable,
  page: { readonly group: string; readonly after: string; readonly limit: number },
): Promise<Member[]> {
  const { rows } = await db.query<Member>(
    `select u.login, u.name, u.status
     from group_members m join users u on u.id = m.user_id
     where m.group_name = $1::text and u.login_key > $2::text
     order by u.login_key
     limit $3::integer`,
    [page.group, page.after, page.limit],
  )
  return rows
}

/** The groups that an active person belongs to; none for anybody else. */
export async function listGroupsOf(db: Queryable, login: string): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select m.group_name as name
     from users u join group_members m on m.user_id = u.id
     where u.login_key = $1::text and u.status = 'active'
     order by m.group_name`,
    [loginKey(login)],
  )
  return rows.map(({ name }) => name)
}

/** The active members of groups, by login, up to a limit. */
export async function listActiveMembers(
  db: Queryable,
  { groups, limit }: { readonly groups: readonly string[]; readonly limit: number },
): Promise<{ readonly login: string; readonly key: Person }[]> {
  const { rows } = await db.query<{ login: string; key: string }>(
    `select distinct u.login, u.login_key as key
     from group_members m join users u on u.id = m.user_id
     where m.group_name = any($1::text[]) and u.status = 'active'
     order by u.login_key
     limit $2::integer`,
    [groups, limit],
  )
  return rows
}
