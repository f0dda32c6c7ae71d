import type { Queryable } from '../client.ts'
import { boardColumns, licenseColumns, listLicenseColumns, toFieldsJson } from './columns.ts'
import { hasMovedOn } from './rollback-plan.ts'
import type { Rollback } from './rollbacks.ts'
import { deleteEmptySummaries, refreshSummariesOf } from './summary.ts'

/** What applying a page of a plan needs to know besides the rollback; ids, never a row. */
export type RollbackScope = {
  readonly rollback: Rollback
  readonly actor: string
  readonly workflowId: string
  /** The day in the jurisdiction's time zone, `YYYY-MM-DD`: a license that ended before it has expired. */
  readonly today: string
  /** License type → abbreviation, for the subject of an audit entry. */
  readonly abbreviations: Readonly<Record<string, string>>
}

/** Positions [first, last] of a plan. */
type Page = { readonly first: number; readonly last: number }

const ITEMS = 'license_rollback_items i'
const ON_PAGE = `i.rollback_id = $1::uuid and i.position between $2::bigint and $3::bigint`
const STORED = `l.provider_id = i.provider_id and l.jurisdiction = $4::text
  and l.license_type = i.license_type`

/**
 * Applies the next `limit` licenses of a plan in the caller's transaction, which holds the rollback's
 * row; a license that has moved on since is kept. Returns how many licenses it dealt with.
 */
export async function applyNextItems(
  tx: Queryable,
  scope: RollbackScope,
  limit: number,
): Promise<number> {
  const page = await findNextPage(tx, scope.rollback.id, limit)
  if (!page) return 0
  await tunePlanner(tx)
  await lockProviders(tx, scope, page)
  const settled = await settleItems(tx, scope, page)
  await insertHistory(tx, scope, page)
  await insertAudit(tx, scope, page)
  await writeLicenses(tx, scope, page)
  await writePrivileges(tx, scope, page)
  await refreshProviders(tx, scope, page)
  await forgetContent(tx, scope, page)
  return settled
}

async function findNextPage(
  tx: Queryable,
  rollbackId: string,
  limit: number,
): Promise<Page | undefined> {
  const { rows } = await tx.query<{ first: number | null; last: number | null }>(
    `select min(position) as first, max(position) as last
     from (
       select position from license_rollback_items
       where rollback_id = $1::uuid and outcome is null
       order by position
       limit $2::integer
     ) next`,
    [rollbackId, limit],
  )
  const { first, last } = rows[0] ?? {}
  return typeof first === 'number' && typeof last === 'number' ? { first, last } : undefined
}

// A page is small beside the tables: a look-up per row beats reading a table whole.
async function tunePlanner(tx: Queryable): Promise<void> {
  await tx.query(
    `select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true)`,
  )
}

// As whoever writes licenses does, and in the same order: nobody waits in a circle.
async function lockProviders(
  tx: Queryable,
  { rollback }: RollbackScope,
  page: Page,
): Promise<void> {
  await tx.query(
    `select count(*) from (
       select 1 from provider_ssns
       where provider_id in (select i.provider_id from ${ITEMS} where ${ON_PAGE})
       order by compact, ssn_hash
       for update
     ) locked`,
    [rollback.id, page.first, page.last],
  )
}

async function settleItems(
  tx: Queryable,
  { rollback }: RollbackScope,
  page: Page,
): Promise<number> {
  const { rowCount } = await tx.query(
    `update ${ITEMS}
     set outcome = case when judged.has_moved_on then 'kept' else 'done' end,
       reason = case when judged.has_moved_on then 'changed-since' end
     from (
       select i.position, ${hasMovedOn} or (i.action = 'remove' and (
           l.encumbrance_status is not null or l.investigation_status is not null
           or exists (
             select from privileges p
             where p.provider_id = i.provider_id and p.license_jurisdiction = $4::text
               and p.license_type = i.license_type
           ))) as has_moved_on
       from ${ITEMS} left join licenses l on ${STORED}
       where ${ON_PAGE} and i.outcome is null
     ) judged
     where i.rollback_id = $1::uuid and i.position = judged.position`,
    listParameters(rollback, page),
  )
  return rowCount ?? 0
}

async function insertHistory(
  tx: Queryable,
  { rollback, actor }: RollbackScope,
  page: Page,
): Promise<void> {
  await tx.query(
    `insert into license_history
       (provider_id, compact, jurisdiction, license_type, update_type, previous, updated_values,
        removed_values, effective_date, upload_id, actor, previous_upload_id, previous_record,
        previous_sequence, previous_created_at)
     select i.provider_id, $5::text, $4::text, i.license_type, 'rollback', fields.before,
       (select coalesce(jsonb_object_agg(key, value), '{}')
        from jsonb_each(fields.after) where value is distinct from fields.before -> key),
       array(select key from jsonb_object_keys(fields.before) key
             where not fields.after ? key order by key),
       now(), $1::uuid, $6::text, l.upload_id, l.upload_record, l.upload_sequence, l.created_at
     from ${ITEMS}
     left join licenses l on ${STORED}
     cross join lateral (
       select case when l.provider_id is null then '{}' else ${toFieldsJson('l')} end as before,
         coalesce(i.content, '{}') as after offset 0
     ) fields
     where ${ON_PAGE} and i.outcome = 'done'
     order by i.position`,
    [...listParameters(rollback, page), rollback.compact, actor],
  )
}

async function insertAudit(
  tx: Queryable,
  { rollback, actor, workflowId, abbreviations }: RollbackScope,
  page: Page,
): Promise<void> {
  const { requestId, approvalId = '', id } = rollback
  await tx.query(
    `insert into audit_entries
       (actor, action, subject_type, subject_id, before_hash, after_hash, cause)
     select $5::text,
       case i.action when 'restore' then 'license.restored' when 'remove' then 'license.removed'
         else 'license.recreated' end,
       'license',
       i.provider_id || '/' || $4::text || '/' || coalesce($6::jsonb ->> i.license_type, i.license_type),
       i.expected_hash, i.content_hash, $7::jsonb
     from ${ITEMS}
     where ${ON_PAGE} and i.outcome = 'done'
     order by i.position`,
    [
      ...listParameters(rollback, page),
      actor,
      JSON.stringify(abbreviations),
      JSON.stringify({ requestId, rollbackId: id, approvalId, workflowId }),
    ],
  )
}

async function writeLicenses(
  tx: Queryable,
  { rollback }: RollbackScope,
  page: Page,
): Promise<void> {
  const parameters = listParameters(rollback, page)
  const values = listContent()
  const assignments = licenseColumns.map((name, index) => `${name} = ${values[index]}`).join(', ')
  await tx.query(
    `update licenses l
     set ${assignments}, upload_id = i.source_upload_id, upload_record = i.source_record,
       upload_sequence = i.source_sequence, updated_at = now()
     from ${ITEMS}
     where ${ON_PAGE} and i.outcome = 'done' and i.action = 'restore' and ${STORED}`,
    parameters,
  )
  await tx.query(
    `delete from licenses l
     using ${ITEMS}
     where ${ON_PAGE} and i.outcome = 'done' and i.action = 'remove' and ${STORED}`,
    parameters,
  )
  await tx.query(
    `insert into licenses
       (provider_id, compact, jurisdiction, license_type, ${listLicenseColumns()}, upload_id,
        upload_record, upload_sequence, created_at, updated_at)
     select i.provider_id, $5::text, $4::text, i.license_type, ${values.join(', ')},
       i.source_upload_id, i.source_record, i.source_sequence, coalesce(i.source_created_at, now()),
       now()
     from ${ITEMS}
     where ${ON_PAGE} and i.outcome = 'done' and i.action = 'recreate'`,
    [...parameters, rollback.compact],
  )
}

// A deactivation counts while the license would still be valid otherwise; one that is taken back
// takes its mark with it.
async function writePrivileges(
  tx: Queryable,
  { rollback, today }: RollbackScope,
  page: Page,
): Promise<void> {
  const parameters = listParameters(rollback, page)
  const isEarlyEnd = `i.outcome = 'done' and i.turns = 'off'
    and (i.content ->> 'dateOfExpiration')::date >= $5::date`
  await tx.query(
    `update privileges p
     set license_deactivated_at = case when i.turns = 'off' then now() end
     from ${ITEMS}
     where ${ON_PAGE} and p.provider_id = i.provider_id and p.license_jurisdiction = $4::text
       and p.license_type = i.license_type
       and (${isEarlyEnd} and p.license_deactivated_at is null
         or i.outcome = 'done' and i.turns = 'on' and p.license_deactivated_at = i.deactivated_at)`,
    [...parameters, today],
  )
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     select gen_random_uuid(), 'license.deactivation', 'providers/' || i.provider_id,
       jsonb_build_object('compact', $6::text, 'jurisdiction', $4::text,
         'providerId', i.provider_id, 'licenseType', i.license_type, 'rollbackId', $1::uuid),
       $7::text
     from ${ITEMS}
     where ${ON_PAGE} and ${isEarlyEnd}
     order by i.position`,
    [...parameters, today, rollback.compact, rollback.requestId],
  )
}

async function refreshProviders(
  tx: Queryable,
  { rollback }: RollbackScope,
  page: Page,
): Promise<void> {
  const touched = `select distinct i.provider_id from ${ITEMS}
    where ${ON_PAGE} and i.outcome = 'done'`
  const parameters = [rollback.id, page.first, page.last]
  await refreshSummariesOf(tx, touched, parameters)
  await deleteEmptySummaries(tx, touched, parameters)
}

// What was done is in the history; the plan keeps nobody's data.
async function forgetContent(
  tx: Queryable,
  { rollback }: RollbackScope,
  page: Page,
): Promise<void> {
  await tx.query(
    `update ${ITEMS}
     set content = null, family_name_key = null, given_name_key = null
     where ${ON_PAGE}`,
    [rollback.id, page.first, page.last],
  )
}

// The values of `licenseColumns`.
function listContent(): string[] {
  const board = boardColumns.map(({ field, type }) => {
    const text = `i.content ->> '${field}'`
    return type === 'date' ? `(${text})::date` : text
  })
  return [...board, 'i.family_name_key', 'i.given_name_key', 'i.content_hash']
}

function listParameters({ id, jurisdiction }: Rollback, { first, last }: Page): unknown[] {
  return [id, first, last, jurisdiction]
}
