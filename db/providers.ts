import type { ProviderParts } from '../core/license/provider-view.ts'
import type {
  StoredLicense,
  StoredPrivilege,
  StoredProvider,
} from '../core/license/stored-license.ts'
import type { Queryable } from './client.ts'
import { toFieldsJson } from './license/columns.ts'

export type ProviderKey = { readonly compact: string; readonly providerId: string }

/** The provider's summary; undefined for another compact's or an unknown one. */
export async function findProvider(
  db: Queryable,
  key: ProviderKey,
): Promise<StoredProvider | undefined> {
  const { rows } = await db.query<StoredProvider>(
    `select p.provider_id as "providerId", p.compact,
            p.license_jurisdiction as "licenseJurisdiction", p.license_type as "licenseType",
            p.home_jurisdiction as "homeJurisdiction", s.last_four as "ssnLastFour",
            p.updated_at as "updatedAt"
       from providers p
       join provider_ssns s on s.provider_id = p.provider_id
      where p.provider_id = $1::uuid and p.compact = $2::text`,
    [key.providerId, key.compact],
  )
  return rows[0]
}

/** The providers of these summaries with all that they hold, in the same order. */
export async function loadProviderParts(
  db: Queryable,
  providers: readonly StoredProvider[],
): Promise<ProviderParts[]> {
  const ids = providers.map((provider) => provider.providerId)
  if (ids.length === 0) return []
  const licenses = groupByProvider(await listLicenses(db, ids))
  const privileges = groupByProvider(await listPrivileges(db, ids))
  return providers.map((provider) => ({
    provider,
    licenses: licenses.get(provider.providerId) ?? [],
    privileges: privileges.get(provider.providerId) ?? [],
  }))
}

/** All licenses of these providers, by jurisdiction and type. */
export async function listLicenses(
  db: Queryable,
  providerIds: readonly string[],
): Promise<StoredLicense[]> {
  const { rows } = await db.query<StoredLicense>(
    `select provider_id as "providerId", jurisdiction, license_type as "licenseType",
            encumbrance_status as "encumbranceStatus",
            investigation_status as "investigationStatus",
            created_at as "createdAt", updated_at as "updatedAt",
            ${toFieldsJson('licenses')} as board
       from licenses
      where provider_id = any ($1::uuid[])
      order by provider_id, jurisdiction, license_type`,
    [providerIds],
  )
  return rows
}

// All privileges of these providers, by jurisdiction and id.
async function listPrivileges(
  db: Queryable,
  providerIds: readonly string[],
): Promise<StoredPrivilege[]> {
  const { rows } = await db.query<StoredPrivilege>(
    `select provider_id as "providerId", privilege_id as "privilegeId", jurisdiction,
            license_jurisdiction as "licenseJurisdiction", license_type as "licenseType",
            date_of_issuance as "dateOfIssuance", date_of_renewal as "dateOfRenewal",
            date_of_expiration as "dateOfExpiration", encumbrance_status as "encumbranceStatus",
            license_deactivated_at as "licenseDeactivatedAt"
       from privileges
      where provider_id = any ($1::uuid[])
      order by provider_id, jurisdiction, privilege_id`,
    [providerIds],
  )
  return rows
}

function groupByProvider<T extends { readonly providerId: string }>(
  holdings: readonly T[],
): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const holding of holdings) {
    const group = groups.get(holding.providerId)
    if (group) group.push(holding)
    else groups.set(holding.providerId, [holding])
  }
  return groups
}
