import type { Rename } from '../../core/roster/renames.ts'
import type { ScimPerson } from '../../core/roster/target.ts'
import type { Queryable } from '../client.ts'
import type { ChangePage } from './apply.ts'

export type PendingRename = Rename & { readonly change: number }

/**
 * Renames that are not done and stand in each other's way: one wants the name that another one gives
 * up, in any case. In their order.
 */
export async function listTangledRenames(
  db: Queryable,
  page: Pick<ChangePage, 'runId' | 'providerId' | 'withoutLeavers'>,
): Promise<PendingRename[]> {
  const { rows } = await db.query<PendingRename>(
    `with renames as materialized (
       select c.change, c.id, lower(a.person ->> 'userName') as held,
         lower(c.after ->> 'userName') as wanted
       from roster_changes c
       join roster_accounts a on a.provider_id = $2::uuid and a.id = c.id
       where c.run_id = $1::uuid and c.state = 'pending' and c.type = 'users'
         and c.op = 'update' and c.after ? 'userName'
         and not ($3::boolean and exists (
           select from roster_changes l
           where l.run_id = c.run_id and l.type = 'users' and l.id = c.id
             and l.op = 'deactivate'))
     )
     select r.change, r.id, r.held, r.wanted from renames r
     where exists (select from renames o where o.held = r.wanted and o.id <> r.id)
       or exists (select from renames o where o.wanted = r.held and o.id <> r.id)
     order by r.change`,
    [page.runId, page.providerId, page.withoutLeavers ?? false],
  )
  return rows
}

/** An account with a temporary name, and the name that it had. */
export type ParkedAccount = {
  readonly id: string
  readonly scimId: string
  readonly person: ScimPerson
  readonly parkedFrom: string
}

const PARKED_COLUMNS = `id, scim_id as "scimId", person, parked_from as "parkedFrom"`

/**
 * Gives accounts temporary names, which say what they are and nothing of whose they are; an address
 * keeps its domain. Comes before the target is told, so that none is forgotten.
 */
export async function parkNames(
  db: Queryable,
  providerId: string,
  ids: readonly string[],
): Promise<ParkedAccount[]> {
  const { rows } = await db.query<ParkedAccount>(
    `update roster_accounts
     set parked_from = coalesce(parked_from, person ->> 'userName'),
       person = person || jsonb_build_object('userName',
         'registrar-renaming-' || left(md5(provider_id || ':' || id), 16)
           || coalesce(substring(person ->> 'userName' from '@[^@]*$'), ''))
     where provider_id = $1::uuid and id = any ($2::text[])
     returning ${PARKED_COLUMNS}`,
    [providerId, ids],
  )
  return rows
}

/** The next accounts that have temporary names, by id. */
export async function listParkedAccounts(
  db: Queryable,
  providerId: string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<ParkedAccount[]> {
  const { rows } = await db.query<ParkedAccount>(
    `select ${PARKED_COLUMNS} from roster_accounts
     where provider_id = $1::uuid and parked_from is not null
       and ($2::text is null or id > $2::text)
     order by id
     limit $3::integer`,
    [providerId, after, limit],
  )
  return rows
}
