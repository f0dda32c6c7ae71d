import {
  listPeople,
  type Approval,
  type Electorate,
  type Group,
  type Person,
} from '../../core/approval/approval.ts'
import { listPolicyGroups } from '../../core/approval/policy.ts'
import type { Queryable } from '../client.ts'

/** Who belongs to which group right now: of those who matter to the approvals, and of the people given. */
export async function loadElectorate(
  db: Queryable,
  approvals: readonly Approval[],
  people: readonly Person[] = [],
): Promise<Electorate> {
  const concerned = [...new Set([...approvals.flatMap(listPeople), ...people])]
  const names = [...new Set(approvals.flatMap(({ policy }) => listPolicyGroups(policy)))]
  const { rows } = await db.query<{ name: string; size: number; members: string[] | null }>(
    `select g.name, count(u.id)::integer as size,
       array_agg(u.login_key) filter (where u.login_key = any($2::text[])) as members
     from unnest($1::text[]) as g (name)
     left join group_members m on m.group_name = g.name
     left join users u on u.id = m.user_id and u.status = 'active'
     group by g.name`,
    [names, concerned],
  )
  const groups = rows.map(({ name, size, members }): [string, Group] => [
    name,
    { size, members: new Set(members) },
  ])
  return { groups: new Map(groups), disabled: await listDisabled(db, concerned) }
}

async function listDisabled(db: Queryable, people: readonly Person[]): Promise<Set<Person>> {
  const { rows } = await db.query<{ login_key: string }>(
    `select login_key from users where login_key = any($1::text[]) and status <> 'active'`,
    [people],
  )
  return new Set(rows.map((row) => row.login_key))
}
