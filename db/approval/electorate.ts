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
  // The row without a name is of those who are no longer active.
  const { rows } = await db.query<{
    name: string | null
    size: number
    members: string[] | null
  }>({
    name: 'load-electorate',
    text: `select g.name, count(u.id)::integer as size,
             array_agg(u.login_key) filter (where u.login_key = any($2::text[])) as members
           from unnest($1::text[]) as g (name)
           left join group_members m on m.group_name = g.name
           left join users u on u.id = m.user_id and u.status = 'active'
           group by g.name
           union all
           select null, count(*)::integer, array_agg(login_key)
           from users
           where login_key = any($2::text[]) and status <> 'active'`,
    values: [names, concerned],
  })
  const groups = rows.flatMap(({ name, size, members }): [string, Group][] =>
    name === null ? [] : [[name, { size, members: new Set(members) }]],
  )
  const disabled = rows.find(({ name }) => name === null)?.members
  return { groups: new Map(groups), disabled: new Set(disabled) }
}
