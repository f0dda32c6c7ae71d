import type { Queryable } from '../client.ts'
import { fromStaged, type ApplyScope } from './apply-scope.ts'

// A deactivation counts while the license would still be valid otherwise.
const IS_EARLY_END = `s.outcome = 'deactivated' and s.date_of_expiration >= $2::date`

/** Marks the privileges that rest on licenses which the chunk deactivates before they expire. */
export async function markPrivileges(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `update privileges p
     set license_deactivated_at = now()
     from ${fromStaged(scope)}
     where s.chunk = $1::integer and ${IS_EARLY_END} and p.provider_id = s.provider_id
       and p.license_jurisdiction = $3::text and p.license_type = s.license_type
       and p.license_deactivated_at is null`,
    [scope.chunk, scope.today, scope.jurisdiction],
  )
}

/** Writes one `license.deactivation` event for each license deactivated before it expires. */
export async function insertDeactivationEvents(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `insert into events (id, type, subject, data, request_id)
     select gen_random_uuid(), 'license.deactivation', 'providers/' || s.provider_id,
       jsonb_build_object('compact', $4::text, 'jurisdiction', $3::text,
         'providerId', s.provider_id, 'licenseType', s.license_type, 'uploadId', $5::uuid),
       $6::text
     from ${fromStaged(scope)}
     where s.chunk = $1::integer and ${IS_EARLY_END}
     order by s.record`,
    [scope.chunk, scope.today, scope.jurisdiction, scope.compact, scope.uploadId, scope.requestId],
  )
}
