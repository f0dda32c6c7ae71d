import type { Queryable } from '../client.ts'
import { fromStaged, type ApplyScope } from './apply-scope.ts'
import { summaryOrder } from './summary.ts'

export type NewSsns = {
  /** Rows of the chunk. */
  readonly rows: number
  /** SSNs that were unknown when the chunk was staged. */
  readonly unknown: number
  /** SSNs that this call stored; the others came from somebody else meanwhile. */
  readonly inserted: number
}

/**
 * Stores the SSNs that were unknown when the chunk was staged. They go in by hash, so that two chunks
 * with the same people wait for one another in one order; who comes second stores nothing.
 */
export async function insertNewSsns(tx: Queryable, scope: ApplyScope): Promise<NewSsns> {
  const { rows } = await tx.query<NewSsns>(
    `with incoming as (
       select distinct on (s.ssn_hash) s.ssn_hash, s.provider_id, s.ssn_cipher, s.last_four, s.record
       from ${fromStaged(scope)}
       where s.chunk = $2::integer and s.ssn_cipher is not null
       order by s.ssn_hash, s.record
     ), inserted as (
       insert into provider_ssns
         (compact, ssn_hash, provider_id, ssn_cipher, last_four, upload_id, upload_record)
       select $3::text, ssn_hash, provider_id, ssn_cipher, last_four, $1::uuid, record
       from incoming
       order by ssn_hash
       on conflict (compact, ssn_hash) do nothing
       returning 1
     )
     select (select count(*) from ${fromStaged(scope)} where s.chunk = $2::integer) as rows,
       (select count(*) from incoming) as unknown, (select count(*) from inserted) as inserted`,
    [scope.uploadId, scope.chunk, scope.compact],
  )
  return rows[0] ?? { rows: 0, unknown: 0, inserted: 0 }
}

/** Gives the rows whose SSN somebody else stored meanwhile that provider's id; returns how many. */
export async function adoptKnownProviders(tx: Queryable, scope: ApplyScope): Promise<number> {
  const { rowCount } = await tx.query(
    `update ${fromStaged(scope)}
     set provider_id = p.provider_id, ssn_cipher = null
     from provider_ssns p
     where s.chunk = $1::integer and s.ssn_cipher is not null
       and p.compact = $2::text and p.ssn_hash = s.ssn_hash and p.provider_id <> s.provider_id`,
    [scope.chunk, scope.compact],
  )
  return rowCount ?? 0
}

/** Writes the summaries of the providers that this chunk brought: all of their licenses are in it. */
export async function insertNewSummaries(tx: Queryable, scope: ApplyScope): Promise<void> {
  await tx.query(
    `insert into providers
       (provider_id, compact, license_jurisdiction, license_type, family_name_key, given_name_key,
        jurisdictions, created_at, updated_at)
     select distinct on (s.provider_id)
       s.provider_id, $2::text, $3::text, s.license_type, s.family_name_key, s.given_name_key,
       array[$3::text], now(), now()
     from ${fromStaged(scope)}
     where s.chunk = $1::integer and s.ssn_cipher is not null
     order by s.provider_id, ${summaryOrder('s')}`,
    [scope.chunk, scope.compact, scope.jurisdiction],
  )
}
