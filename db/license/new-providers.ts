import type { Queryable } from '../client.ts'
import { fromStaged, type ApplyScope } from './apply-scope.ts'
import { summaryOrder } from './summary.ts'

/** What kinds of rows a chunk has staged. */
export type StagedKinds = {
  /** Of SSNs that were unknown then; each may have several. */
  readonly unknown: number
  readonly unknownSsns: number
  /** Of known providers, to be compared with what is stored. */
  readonly known: number
  readonly unchanged: number
}

/** Counts a chunk's rows by what has to be done about them. */
export async function countStagedKinds(tx: Queryable, scope: ApplyScope): Promise<StagedKinds> {
  const { rows } = await tx.query<StagedKinds>(
    `select count(s.ssn_cipher) as unknown,
       count(distinct s.ssn_hash) filter (where s.ssn_cipher is not null) as "unknownSsns",
       count(*) filter (where s.ssn_cipher is null and s.outcome is null) as known,
       count(s.outcome) as unchanged
     from ${fromStaged(scope)}
     where s.chunk = $1::integer`,
    [scope.chunk],
  )
  return rows[0] ?? { unknown: 0, unknownSsns: 0, known: 0, unchanged: 0 }
}

/**
 * Stores the SSNs that were unknown when the chunk was staged and returns how many: the others came
 * from somebody else meanwhile. They go in by hash, so that two chunks with the same people wait
 * for one another in one order.
 */
export async function insertNewSsns(tx: Queryable, scope: ApplyScope): Promise<number> {
  const { rowCount } = await tx.query(
    `insert into provider_ssns
       (compact, ssn_hash, provider_id, ssn_cipher, last_four, upload_id, upload_record)
     select distinct on (s.ssn_hash)
       $3::text, s.ssn_hash, s.provider_id, s.ssn_cipher, s.last_four, $1::uuid, s.record
     from ${fromStaged(scope)}
     where s.chunk = $2::integer and s.ssn_cipher is not null
     order by s.ssn_hash, s.record
     on conflict (compact, ssn_hash) do nothing`,
    [scope.uploadId, scope.chunk, scope.compact],
  )
  return rowCount ?? 0
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
