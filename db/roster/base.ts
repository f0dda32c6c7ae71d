import type { RosterCollection } from '../../core/roster/record.ts'
import type { Queryable } from '../client.ts'
import { hasEnrollmentFaults } from './plan-members.ts'
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

/** Notes to which schools people belong whose accounts the run may have made. */
export async function noteSchools(
  tx: Queryable,
  { runId, providerId }: Pick<BaseChange, 'runId' | 'providerId'>,
): Promise<void> {
  await tx.query(
    `update roster_accounts a
     set school_ids = array(select jsonb_array_elements_text(s.record -> 'schoolIds'))
     from ${nameRosterStaging(runId, 'users')} s
     where a.provider_id = $1::uuid and a.id = s.id and not s.is_removed
       and to_jsonb(a.school_ids) is distinct from s.record -> 'schoolIds'`,
    [providerId],
  )
}

async function rebaseRecords(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId, overlays } = change
  const staged = nameRosterStaging(runId, 'records')
  await tx.query(
    `delete from roster_records b using (
       select k.collection, k.id from roster_records k
       left join ${staged} s on s.collection = k.collection and s.id = k.id
       left join roster_errors e
         on e.run_id = $2::uuid and e.entity = k.collection and e.id = k.id
       where k.provider_id = $1::uuid and (s.is_removed
         or (s.id is null and e.id is null and k.collection <> all ($3::text[])))
     ) gone
     where b.provider_id = $1::uuid and b.collection = gone.collection and b.id = gone.id`,
    [providerId, runId, [...overlays]],
  )
  await tx.query(
    `insert into roster_records (provider_id, collection, id, record)
     select $1::uuid, s.collection, s.id, s.record from ${staged} s
     left join roster_records b
       on b.provider_id = $1::uuid and b.collection = s.collection and b.id = s.id
     where not s.is_removed and s.record is distinct from b.record
     on conflict (provider_id, collection, id) do update set record = excluded.record`,
    [providerId],
  )
}

async function rebaseUsers(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId, overlays } = change
  const staged = nameRosterStaging(runId, 'users')
  await tx.query(
    `delete from roster_users b using (
       select k.id from roster_users k
       left join ${staged} s on s.id = k.id
       left join roster_errors e on e.run_id = $2::uuid and e.entity = 'users' and e.id = k.id
       where k.provider_id = $1::uuid and (s.is_removed
         or (s.id is null and e.id is null and not $3::boolean))
     ) gone
     where b.provider_id = $1::uuid and b.id = gone.id`,
    [providerId, runId, overlays.has('users')],
  )
  await tx.query(
    `insert into roster_users (provider_id, id, record, person, user_name, is_wanted)
     select $1::uuid, s.id, s.record, s.person, s.user_name, s.is_wanted from ${staged} s
     left join roster_users b on b.provider_id = $1::uuid and b.id = s.id
     where not s.is_removed and (b.id is null
       or (s.record, s.person, s.user_name, s.is_wanted)
         is distinct from (b.record, b.person, b.user_name, b.is_wanted))
     on conflict (provider_id, id) do update
     set record = excluded.record, person = excluded.person, user_name = excluded.user_name,
       is_wanted = excluded.is_wanted`,
    [providerId],
  )
}

async function rebaseEnrollments(tx: Queryable, change: BaseChange): Promise<void> {
  const { runId, providerId, overlays, startedAt } = change
  const staged = nameRosterStaging(runId, 'enrollments')
  await tx.query(
    `delete from roster_enrollments b using (
       select k.id from roster_enrollments k
       left join ${staged} s on s.id = k.id
       left join (select distinct section_id from ${staged} where id is null) c
         on c.section_id = k.section_id
       left join roster_errors e
         on $4::boolean and e.run_id = $2::uuid and e.entity = 'enrollments' and e.id = k.id
       where k.provider_id = $1::uuid and (s.is_removed
         or (s.id is null and (c.section_id is not null or (e.id is null and not $3::boolean))))
     ) gone
     where b.provider_id = $1::uuid and b.id = gone.id`,
    [providerId, runId, overlays.has('enrollments'), await hasEnrollmentFaults(tx, runId)],
  )
  await tx.query(
    `insert into roster_enrollments
       (provider_id, id, user_id, section_id, role, begin_date, end_date, seen_at)
     select $1::uuid, s.id, s.user_id, s.section_id, s.role, s.begin_date, s.end_date,
       $2::timestamptz
     from ${staged} s
     left join roster_enrollments b on b.provider_id = $1::uuid and b.id = s.id
     where s.id is not null and not s.is_removed and (b.id is null
       or (s.user_id, s.section_id, s.role, s.begin_date, s.end_date)
         is distinct from (b.user_id, b.section_id, b.role, b.begin_date, b.end_date))
     on conflict (provider_id, id) do update
     set user_id = excluded.user_id, section_id = excluded.section_id, role = excluded.role,
       begin_date = excluded.begin_date, end_date = excluded.end_date`,
    [providerId, startedAt],
  )
}
