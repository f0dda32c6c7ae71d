import type { Queryable } from '../client.ts'
import { fromStaged, isChanged, isCreated, type ApplyScope } from './apply-scope.ts'
import { licenseColumns, listLicenseColumns, toFieldsJson } from './columns.ts'

/** Inserts the licenses that were not there before and returns how many. */
export async function insertLicenses(tx: Queryable, scope: ApplyScope): Promise<number> {
  const { rowCount } = await tx.query(
    `insert into licenses
       (provider_id, compact, jurisdiction, license_type, ${listLicenseColumns()},
        upload_id, upload_record, upload_sequence, created_at, updated_at)
     select s.provider_id, $3::text, $4::text, s.license_type, ${listLicenseColumns('s.')},
       $1::uuid, s.record, $5::bigint, now(), now()
     from ${fromStaged(scope)}
     where s.chunk = $2::integer and ${isCreated}`,
    [scope.uploadId, scope.chunk, scope.compact, scope.jurisdiction, scope.sequence],
  )
  return rowCount ?? 0
}

/** Writes a history row for each license that is about to change: what it was, what becomes of it. */
export async function insertHistory(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `insert into license_history
       (provider_id, compact, jurisdiction, license_type, update_type, previous, updated_values,
        removed_values, effective_date, upload_id, actor, previous_upload_id, previous_record,
        previous_sequence)
     select l.provider_id, l.compact, l.jurisdiction, l.license_type,
       case s.outcome when 'deactivated' then 'deactivation' when 'renewed' then 'renewal'
         else 'other' end,
       fields.before,
       (select coalesce(jsonb_object_agg(key, value), '{}')
        from jsonb_each(fields.after) where value is distinct from fields.before -> key),
       array(select key from jsonb_object_keys(fields.before) key
             where not fields.after ? key order by key),
       now(), $1::uuid, $4::text, l.upload_id, l.upload_record, l.upload_sequence
     from ${fromStaged(scope)}
     join licenses l on l.provider_id = s.provider_id and l.jurisdiction = $3::text
       and l.license_type = s.license_type
     cross join lateral (
       select ${toFieldsJson('l')} as before, ${toFieldsJson('s')} as after offset 0
     ) fields
     where s.chunk = $2::integer and ${isChanged}
     order by s.record`,
    [scope.uploadId, scope.chunk, scope.jurisdiction, scope.actor],
  )
}

/** Replaces the board-owned fields of the licenses that changed; every other mark stays. */
export async function updateLicenses(tx: Queryable, scope: ApplyScope): Promise<void> {
  const values = licenseColumns.map((name) => `${name} = s.${name}`).join(', ')
  await tx.query(
    `update licenses l
     set ${values}, upload_id = $1::uuid, upload_record = s.record,
       upload_sequence = $4::bigint, updated_at = now()
     from ${fromStaged(scope)}
     where s.chunk = $2::integer and ${isChanged} and l.provider_id = s.provider_id
       and l.jurisdiction = $3::text and l.license_type = s.license_type`,
    [scope.uploadId, scope.chunk, scope.jurisdiction, scope.sequence],
  )
}

/** Moves unchanged licenses up to this upload's sequence, so that an older one still open is stale. */
export async function confirmLicenses(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `update licenses l
     set upload_sequence = $3::bigint
     from ${fromStaged(scope)}
     where s.chunk = $1::integer and s.outcome = 'confirmed' and l.provider_id = s.provider_id
       and l.jurisdiction = $2::text and l.license_type = s.license_type`,
    [scope.chunk, scope.jurisdiction, scope.sequence],
  )
}

/** Appends an audit entry for every license that the chunk created or changed. */
export async function insertLicenseAudit(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `insert into audit_entries
       (actor, action, subject_type, subject_id, before_hash, after_hash, cause)
     select $2::text, 'license.' || coalesce(s.outcome, 'created'), 'license',
       s.provider_id || '/' || $3::text || '/' || coalesce($4::jsonb ->> s.license_type, s.license_type),
       s.before_hash, s.content_hash, $5::jsonb || jsonb_build_object('record', s.record)
     from ${fromStaged(scope)}
     where s.chunk = $1::integer and (${isCreated} or ${isChanged})`,
    [
      scope.chunk,
      scope.actor,
      scope.jurisdiction,
      JSON.stringify(scope.abbreviations),
      JSON.stringify({
        requestId: scope.requestId,
        uploadId: scope.uploadId,
        workflowId: scope.workflowId,
      }),
    ],
  )
}
