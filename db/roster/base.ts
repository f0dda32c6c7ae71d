import type { RosterCollection } from '../../core/roster/record.ts'
import type { Queryable } from '../client.ts'
import { finishPerson } from './finish-person.ts'
import { metRecords, RECORDS } from './known.ts'
import { nameRosterStaging } from './staging.ts'

export type BaseChange = {
  readonly runId: string
  readonly providerId: string
  /** Collections of which what was read is laid over what is known; others are replaced by it. */
  readonly overlays: ReadonlySet<RosterCollection>
  /** When the run began: what it saw first is as old. */
  readonly startedAt: Date
}

/**
 * Makes what is staged the roster as it was last applied; only what differs is written. A record
 * that could not be read stays as it was known.
 */
export async function rebase(tx: Queryable, change: BaseChange): Promise<void> {
  await rebaseRecords(tx, change)
  await rebaseUsers(tx, change)
  await rebaseEnrollments(tx, change)
}

/**
 * Notes to which schools people belong whose accounts the run may have made: as the source says now,
 * or as it is known of those of whom it said nothing else.
 */
export async function noteSchools(
  tx: Queryable,
  { runId, providerId }: Pick<BaseChange, 'runId' | 'providerId'>,
): Promise<void> {
  const staged = nameRosterStaging(runId, 'users')
  await tx.query(
    `update roster_accounts a
     set school_ids = array(select jsonb_array_elements_text(s.record -> 'schoolIds'))
     from ${staged} s
     where a.provider_id = $1::uuid and a.id = s.id and not s.is_removed
       and to_jsonb(a.school_ids) is distinct from s.record -> 'schoolIds'`,
    [providerId],
  )
  await tx.query(
    `update roster_accounts a
     set school_ids = array(select jsonb_array_elements_text(b.record -> 'schoolIds'))
     from roster_users b
     where a.provider_id = $1::uuid and a.school_ids = '{}'
       and b.provider_id = a.provider_id and b.id = a.id and b.record -> 'schoolIds' <> '[]'
       and not exists (select from ${staged} s where s.id = a.id)`,
    [providerId],
  )
}

async function rebaseRecords(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId, overlays } = change
  const staged = nameRosterStaging(runId, 'records')
  await tx.query(
    `delete from roster_records b using (
       select collection, id from ${staged} where is_removed
       union all
       select k.collection, k.id from roster_records k
       where k.provider_id = $1::uuid and k.collection <> all ($2::text[])
         and not exists (select from ${staged} s where s.collection = k.collection and s.id = k.id)
         and not exists (
           select from ${metRecords(runId, RECORDS)} m
           where m.collection = k.collection and m.id = k.id)
     ) gone
     where b.provider_id = $1::uuid and b.collection = gone.collection and b.id = gone.id`,
    [providerId, [...overlays]],
  )
  await tx.query(
    `insert into roster_records (provider_id, collection, id, record, digest)
     select $1::uuid, s.collection, s.id, s.record, s.digest from ${staged} s
     left join roster_records b
       on b.provider_id = $1::uuid and b.collection = s.collection and b.id = s.id
     where not s.is_removed and (b.digest is null or s.digest is distinct from b.digest)
     on conflict (provider_id, collection, id) do update
     set record = excluded.record, digest = excluded.digest`,
    [providerId],
  )
}

async function rebaseUsers(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId } = change
  const staged = nameRosterStaging(runId, 'users')
  await tx.query(deletionOf('users', change), [providerId])
  await tx.query(
    `insert into roster_users (provider_id, id, record, person, user_name, is_wanted, digest)
     select $1::uuid, s.id, s.record,
       ${finishPerson('s.person', 's.user_name', "g.record ->> 'name'")},
       s.user_name, s.is_wanted, s.digest
     from ${staged} s
     left join roster_users b on b.provider_id = $1::uuid and b.id = s.id
     left join roster_records g on g.provider_id = $1::uuid and g.collection = 'schools'
       and g.id = s.record -> 'schoolIds' ->> 0
     where not s.is_removed and (b.digest is null or s.digest is distinct from b.digest)
     on conflict (provider_id, id) do update
     set record = excluded.record, person = excluded.person, user_name = excluded.user_name,
       is_wanted = excluded.is_wanted, digest = excluded.digest`,
    [providerId],
  )
}

async function rebaseEnrollments(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId, startedAt } = change
  const staged = nameRosterStaging(runId, 'enrollments')
  await tx.query(
    `delete from roster_enrollments b using (
       select section_id from ${staged} where id is null group by section_id
     ) cleared
     where b.provider_id = $1::uuid and b.section_id = cleared.section_id
       and not exists (select from ${staged} s where s.id = b.id)`,
    [providerId],
  )
  await tx.query(deletionOf('enrollments', change), [providerId])
  await tx.query(
    `insert into roster_enrollments
       (provider_id, id, user_id, section_id, role, begin_date, end_date, seen_at, digest)
     select $1::uuid, s.id, s.user_id, s.section_id, s.role, s.begin_date, s.end_date,
       $2::timestamptz, s.digest
     from ${staged} s
     left join roster_enrollments b on b.provider_id = $1::uuid and b.id = s.id
     where s.id is not null and not s.is_removed and (b.digest is null or s.digest is distinct from b.digest)
     on conflict (provider_id, id) do update
     set user_id = excluded.user_id, section_id = excluded.section_id, role = excluded.role,
       begin_date = excluded.begin_date, end_date = excluded.end_date, digest = excluded.digest`,
    [providerId, startedAt],
  )
}

// $1: the provider. Whoever is gone: of a collection that is replaced, also who was not met.
function deletionOf(collection: 'users' | 'enrollments', { runId, overlays }: BaseChange): string {
  const staged = nameRosterStaging(runId, collection)
  const unmet = `union all
    select k.id from roster_${collection} k
    where k.provider_id = $1::uuid
      and not exists (select from ${staged} s where s.id = k.id)
      and not exists (select from ${metRecords(runId, [collection])} m where m.id = k.id)`
  return `delete from roster_${collection} b using (
      select id from ${staged} where is_removed ${overlays.has(collection) ? '' : unmet}
    ) gone
    where b.provider_id = $1::uuid and b.id = gone.id`
}
