import type { Queryable } from '../client.ts'
import { fromStaged, isChanged, type ApplyScope } from './apply-scope.ts'

/**
 * SQL: orders a provider's licenses so that the one that speaks for them comes first: the newest
 * issuance among the eligible, else among the active, else among all; then by type, to be definite.
 */
export function summaryOrder(alias: string): string {
  return [
    `case when ${alias}.compact_eligibility = 'eligible' then 1
       when ${alias}.license_status = 'active' then 2 else 3 end`,
    `${alias}.date_of_issuance desc`,
    `${alias}.license_type collate "C"`,
  ].join(', ')
}

/** Chooses anew which license speaks for each known provider that this chunk changed. */
export async function refreshSummaries(tx: Queryable, scope: ApplyScope): Promise<void> {
  const touched = `select distinct s.provider_id
       from ${fromStaged(scope)}
       where s.chunk = $1::integer and (s.outcome = 'created' or ${isChanged})`
  await refreshSummariesOf(tx, touched, [scope.chunk])
}

/**
 * Chooses anew, from all licenses, which one speaks for each provider that the SQL query `touched`
 * names as `provider_id`; a home jurisdiction with a license comes before all others.
 */
export async function refreshSummariesOf(
  tx: Queryable,
  touched: string,
  parameters: readonly unknown[],
): Promise<void> {
  await tx.query(
    `insert into providers as stored
       (provider_id, compact, license_jurisdiction, license_type, family_name_key, given_name_key,
        jurisdictions, created_at, updated_at)
     select distinct on (l.provider_id)
       l.provider_id, l.compact, l.jurisdiction, l.license_type, l.family_name_key,
       l.given_name_key, places.jurisdictions, now(), now()
     from (${touched}) touched
     join licenses l on l.provider_id = touched.provider_id
     left join providers p on p.provider_id = touched.provider_id
     cross join lateral (
       select array_agg(jurisdiction order by jurisdiction) as jurisdictions
       from (
         select jurisdiction from licenses where provider_id = touched.provider_id
         union
         select jurisdiction from privileges where provider_id = touched.provider_id
       ) every
     ) places
     order by l.provider_id, (l.jurisdiction = p.home_jurisdiction) desc nulls last,
       ${summaryOrder('l')}, l.jurisdiction
     on conflict (provider_id) do update
     set license_jurisdiction = excluded.license_jurisdiction,
       license_type = excluded.license_type,
       family_name_key = excluded.family_name_key,
       given_name_key = excluded.given_name_key,
       jurisdictions = excluded.jurisdictions,
       updated_at = excluded.updated_at`,
    [...parameters],
  )
}

/** Forgets the summaries of those providers, of the query `touched`, that hold no license any more. */
export async function deleteEmptySummaries(
  tx: Queryable,
  touched: string,
  parameters: readonly unknown[],
): Promise<void> {
  await tx.query(
    `delete from providers p
     using (${touched}) touched
     where p.provider_id = touched.provider_id
       and not exists (select from licenses l where l.provider_id = p.provider_id)`,
    [...parameters],
  )
}
