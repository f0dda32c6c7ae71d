import type { StoredLicenseChange } from '../core/license/stored-license.ts'
import type { Queryable } from './client.ts'

/** Every change of a provider's licenses, newest first. */
export async function listLicenseChanges(
  db: Queryable,
  providerId: string,
): Promise<StoredLicenseChange[]> {
  const { rows } = await db.query<StoredLicenseChange>(
    `select id, provider_id as "providerId", jurisdiction, license_type as "licenseType",
            update_type as "updateType", previous, updated_values as "updatedValues",
            removed_values as "removedValues", effective_date as "effectiveDate",
            upload_id as "uploadId", actor,
            case when 'licenseStatus' = any(removed_values) then previous_created_at
              end as "removedCreatedAt"
       from license_history
      where provider_id = $1::uuid
      order by id desc`,
    [providerId],
  )
  return rows
}
