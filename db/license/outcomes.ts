import type { Queryable } from '../client.ts'
import { fromStaged, type ApplyScope, type Outcome, type OutcomeCounts } from './apply-scope.ts'

type CountRow = { readonly outcome: Outcome; readonly rows: number }

// What a staged row `s` means beside the stored license `l`, if there is one. $2: our sequence,
// $3: whether an older upload of the jurisdiction is still open.
const OUTCOME = `case
    when l.provider_id is null then 'created'
    when l.content_hash = s.content_hash and $3::boolean and l.upload_sequence < $2::bigint
      then 'confirmed'
    when l.content_hash = s.content_hash then 'unchanged'
    when l.upload_sequence > $2::bigint then 'stale'
    when s.license_status = 'inactive' and l.license_status = 'active' then 'deactivated'
    when s.date_of_expiration > l.date_of_expiration then 'renewed'
    else 'updated'
  end`

const STORED_LICENSE = `left join licenses l
    on l.provider_id = s.provider_id and l.jurisdiction = $4::text
    and l.license_type = s.license_type`

/**
 * Compares the chunk's rows of known providers with what is stored, without a lock. Unchanged and
 * stale rows are final and get no write at all; the others are marked `pending` and counted as such.
 */
export async function markPendingRows(
  tx: Queryable,
  scope: ApplyScope,
  hasOlderOpen: boolean,
): Promise<OutcomeCounts & { readonly pending: number }> {
  const { rows } = await tx.query<{ outcome: Outcome | 'pending'; rows: number }>(
    `with compared as (
       select s.ctid as place, ${OUTCOME} as outcome
       from ${fromStaged(scope)} ${STORED_LICENSE}
       where s.chunk = $1::integer and s.ssn_cipher is null and s.outcome is null
     ), marked as (
       update ${fromStaged(scope)} set outcome = 'pending'
       where s.ctid = any (array(
         select place from compared where outcome not in ('unchanged', 'stale')
       ))
       returning 1
     )
     select outcome, count(*) as rows
     from compared
     where outcome in ('unchanged', 'stale')
     group by outcome
     union all
     select 'pending', count(*) from marked`,
    [scope.chunk, scope.sequence, hasOlderOpen, scope.jurisdiction],
  )
  return { pending: 0, ...Object.fromEntries(rows.map((row) => [row.outcome, row.rows])) }
}

/**
 * Counts the rows that were staged as unchanged and are stale by now: a newer upload of the
 * jurisdiction has changed their licenses since.
 */
export async function countOvertakenRows(tx: Queryable, scope: ApplyScope): Promise<number> {
  const { rows } = await tx.query<{ overtaken: number }>(
    `select count(*) as overtaken
     from ${fromStaged(scope)}
     join licenses l on l.provider_id = s.provider_id and l.jurisdiction = $3::text
       and l.license_type = s.license_type
     where s.chunk = $1::integer and s.outcome = 'unchanged'
       and l.upload_sequence > $2::bigint and l.content_hash <> s.content_hash`,
    [scope.chunk, scope.sequence, scope.jurisdiction],
  )
  return rows[0]?.overtaken ?? 0
}

/**
 * Locks the providers of the pending rows, in the order of their hashes: whoever writes a known
 * provider's licenses holds this lock, so that nobody waits in a circle.
 */
export async function lockPendingProviders(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `select count(*) from (
       select 1
       from provider_ssns
       where provider_id in (
         select s.provider_id
         from ${fromStaged(scope)}
         where s.chunk = $1::integer and s.outcome = 'pending'
       )
       order by compact, ssn_hash
       for update
     ) locked`,
    [scope.chunk],
  )
}

/** Decides the pending rows once their providers are locked, and counts them by outcome. */
export async function decidePendingRows(
  tx: Queryable,
  scope: ApplyScope,
  hasOlderOpen: boolean,
): Promise<OutcomeCounts> {
  const { rows } = await tx.query<CountRow>(
    `with decided as (
       update ${fromStaged(scope)}
       set (outcome, before_hash) = (
         select ${OUTCOME}, l.content_hash from (values (true)) one ${STORED_LICENSE}
       )
       where s.chunk = $1::integer and s.outcome = 'pending'
       returning s.outcome
     )
     select outcome, count(*) as rows from decided group by outcome`,
    [scope.chunk, scope.sequence, hasOlderOpen, scope.jurisdiction],
  )
  return Object.fromEntries(rows.map((row) => [row.outcome, row.rows]))
}
